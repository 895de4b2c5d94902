"""`convbench profile`: open one cell up, alone or against another method or commit."""

import argparse
import csv
import functools
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from convbench.command_line.arguments import count
from convbench.profiling.spec import Spec

if TYPE_CHECKING:
    from convbench.profiling.runner import Profile

_SIDE = count("side in pixels")
#: More than any machine's, and fewer than the system lets a process have.
_MOST_THREADS = 1024


def _threads(text: str) -> int:
    number = count("number of threads")(text)
    if number > _MOST_THREADS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of threads, 1 to {_MOST_THREADS}")
    return number


def _channels(text: str) -> tuple[int, int]:
    parts = text.split(",")
    if len(parts) not in (1, 2) or not all(part.isdecimal() and int(part) for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is neither IN nor IN,OUT")
    return int(parts[0]), int(parts[-1])


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser("profile", help="show where the time of one cell goes")
    parser.add_argument("--method", required=True, help="one of fftconv.methods()")
    parser.add_argument("--input", type=_SIDE, required=True, metavar="N", help="N x N pixels")
    parser.add_argument("--filter", type=_SIDE, required=True, metavar="K", help="K x K taps")
    parser.add_argument("--channels", type=_channels, default=(1, 1), metavar="IN[,OUT]")
    parser.add_argument("--batch", type=count("number of images"), default=1)
    parser.add_argument("--groups", type=count("number of groups"), default=1)
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--threads", type=_threads, help="default: as torch chooses")
    parser.add_argument("--backward", action="store_true", help="both gradients, no output")
    parser.add_argument("--commit", help="profile fftconv of this commit (default: as it is here)")
    parser.add_argument("--against", metavar="METHOD", help="compare with this method")
    parser.add_argument("--against-commit", metavar="COMMIT", help="compare with this commit")
    parser.add_argument("--out", type=Path, help="folder for the files (default: in .asv/profiles)")
    parser.set_defaults(run=run)


def _spec(args: argparse.Namespace) -> Spec:
    return Spec(
        method=args.method,
        input_size=args.input,
        filter_size=args.filter,
        batch=args.batch,
        in_channels=args.channels[0],
        out_channels=args.channels[1],
        groups=args.groups,
        dtype=args.dtype,
        backward=args.backward,
        threads=args.threads,
    )


def _write(target: Path, text: str) -> None:
    from convbench.files.atomic import replacing

    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _write_files(found: "Profile", folder: Path) -> None:
    """Write what other programs read: the numbers, the flame graph, the memory."""
    from convbench.profiling.speedscope import speedscope

    _write(folder / "profile.json", json.dumps(found.summary(), indent=1) + "\n")
    _write(folder / "flamegraph.speedscope.json", speedscope(found.calls, found.spec.title))
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(("seconds", "bytes"))
    lines.writerows((f"{moment:.6f}", f"{count:.0f}") for moment, count in found.memory.points)
    _write(folder / "memory.csv", text.getvalue())


def run(args: argparse.Namespace, console: Console) -> None:
    """Do what the command line asks for."""
    from convbench.files.outputs import check_folder
    from convbench.profiling.machine import measure_limits
    from convbench.profiling.page import comparison_page, profile_page
    from convbench.profiling.runner import profile
    from convbench.profiling.text import difference_table, heading, phase_table

    check_folder("--out", args.out)
    spec = _spec(args)
    folder = args.out or Path(".asv/profiles") / spec.folder
    compared = args.against is not None or args.against_commit is not None
    contender_folder = folder / "contender" if compared else folder
    with console.status("") as status:
        limits = functools.cache(lambda threads: measure_limits(spec.dtype, threads, status.update))

        def one(spec: Spec, commit: str | None, target: Path) -> "Profile":
            made = profile(
                spec,
                commit,
                limits,
                target / "trace.json",
                lambda step: status.update(f"{spec.method}: {step}"),
            )
            _write_files(made, target)
            return made

        contender = one(spec, args.commit, contender_folder)
        baseline = None
        if compared:
            other = replace(spec, method=args.against or spec.method)
            commit = args.against_commit or args.commit
            baseline = one(other, commit, folder / "baseline")
    for shown in (contender, *([baseline] if baseline else [])):
        console.print(heading(shown), soft_wrap=True)
        console.print(phase_table(shown))
    page = folder / "profile.html"
    if baseline is None:
        _write(page, profile_page(contender))
    else:
        console.print(difference_table(baseline, contender))
        pair = (baseline, folder / "baseline"), (contender, contender_folder)
        _write(page, comparison_page(*pair, folder))
    files = "trace.json (Perfetto), flamegraph.speedscope.json, memory.csv, profile.json"
    where = f"and in {folder}/baseline and {folder}/contender " if baseline is not None else ""
    console.print(f"wrote {page}, {where}{files}", soft_wrap=True)
