"""`convbench instructions`: instructions of two commits, side by side."""

import argparse
from pathlib import Path

from rich.console import Console

from convbench.command_line.arguments import pattern
from convbench.command_line.failure import CommandError, MisuseError


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "instructions", help="count the instructions of two commits (needs valgrind)"
    )
    parser.add_argument("base", metavar="BASE", help="the commit to compare with")
    parser.add_argument("head", nargs="?", metavar="HEAD", help="default: fftconv as it is here")
    parser.add_argument(
        "--cells", type=pattern, metavar="REGEX", default="", help="only these (default: all)"
    )
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="write the table as Markdown, too"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, console: Console) -> None:
    """Do what the command line asks for."""
    from benchmarks.instructions import CELLS
    from convbench.files.atomic import replacing
    from convbench.files.outputs import check_outputs
    from convbench.instructions.compare import CountError, compare
    from convbench.instructions.comparison import markdown, print_table
    from convbench.repository.package import package

    check_outputs({"--markdown": args.markdown})
    cells = [cell for cell in CELLS if args.cells.search(str(cell))]
    if not cells:
        listed = "; ".join(map(str, CELLS))
        raise MisuseError(f"no cell matches --cells {args.cells.pattern!r} (has: {listed})")
    with package(args.base) as (base, base_name), package(args.head) as (head, head_name):
        status = f"counting {len(cells)} cells of {base_name} and {head_name}"
        with console.status(f"{status}, which takes minutes"):
            try:
                compared = compare(base, head, cells)
            except CountError as error:
                raise CommandError(str(error)) from error
    names = base_name, head_name
    print_table(compared, names, console)
    if args.markdown:
        with replacing(args.markdown) as file:
            file.write_text(markdown(compared, names), encoding="utf-8")
