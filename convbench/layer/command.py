"""`convbench layer`: what leaving torch costs a layer of anybody's."""

import argparse
import json
from pathlib import Path

from rich.console import Console

_DTYPES = ("float32", "float64")


def _shape(text: str) -> tuple[int, ...]:
    parts = text.split("x")
    if not all(part.isdecimal() and part.isascii() and int(part) > 0 for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is no shape such as 64x64 or 1x3x64x64")
    return tuple(map(int, parts))


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "layer",
        help="time a layer of yours, and check what it does to the rest of torch",
        description="Time a module or a function beside a reference, say how much of it is "
        "conversion, and check what torch expects of a layer.",
    )
    named = "PACKAGE.MODULE:CALLABLE"
    parser.add_argument(
        "layer",
        metavar=named,
        help="a module, a function of tensors, or what makes one; literal arguments may follow in "
        "parentheses, as in 'torch.nn:Conv2d(1, 1, 3)'",
    )
    parser.add_argument(
        "--input",
        type=_shape,
        action="append",
        required=True,
        metavar="64x64",
        help="random numbers of this shape to call it with; once for each of its inputs",
    )
    parser.add_argument("--reference", metavar=named, help="what it is timed beside")
    parser.add_argument("--dtype", choices=_DTYPES, default="float32")
    parser.add_argument("--output", type=Path, metavar="F.html", help="write a page, too")
    parser.add_argument("--json", type=Path, metavar="F", help="keep everything in this file")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, console: Console) -> None:
    """Do what the command line asks for."""
    from convbench.files.outputs import check_outputs

    check_outputs({"--output": args.output, "--json": args.json})

    import torch

    from convbench.layer.examining import examine
    from convbench.layer.loading import load
    from convbench.layer.page import page
    from convbench.layer.text import doubt, finding_table, heading, split_table, timing_table

    names = [args.layer] if args.reference is None else [args.layer, args.reference]
    layers = [(name, load(name, len(args.input))) for name in names]
    dtype = getattr(torch, args.dtype)
    with console.status("") as status:
        found = examine(
            layers[0], args.input, dtype, layers[1] if len(layers) > 1 else None, status.update
        )
    console.print(heading(found), soft_wrap=True, markup=False, highlight=False)
    if found.timings:
        console.print(timing_table(found))
        if (said := doubt(found)) is not None:
            console.print(said, highlight=False)
    if found.split is not None:
        console.print(split_table(found.split))
    console.print(finding_table(found))
    if args.json is not None:
        _write(args.json, json.dumps(found.summary(), indent=1) + "\n", console)
    if args.output is not None:
        _write(args.output, page(found), console)


def _write(target: Path, text: str, console: Console) -> None:
    from convbench.files.atomic import replacing

    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8")
    console.print(f"wrote {target}", soft_wrap=True, markup=False, highlight=False)
