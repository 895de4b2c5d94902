"""`convbench crossover`: the maps in the terminal, as a picture, as lines for other programs."""

import argparse
from pathlib import Path

from rich.console import Console

from convbench.report.options import add_options, format_wanted, view_wanted, write_text


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser("crossover", help="show which method is fastest where")
    add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, console: Console) -> None:
    """Do what the command line asks for."""
    from convbench.files.outputs import check_outputs
    from convbench.report.crossover.text import LEGEND, map_csv, map_table
    from convbench.results.selection import choose, narrow

    form = format_wanted(args)
    check_outputs({"--output": args.output})
    source = choose(args.machine, args.commit)
    found = narrow(source, view_wanted(args))
    if form == "csv":
        write_text(map_csv(found, source.run.machine, source.run.commit), args.output)
    elif form == "table":
        console.print(source.caption, soft_wrap=True)
        for grid in found:
            console.print(map_table(grid))
        console.print(LEGEND)
    else:
        from convbench.report.crossover.figure import draw

        output = args.output or Path(f"crossover.{form}")
        draw(found, source.caption, output)
        console.print(f"wrote {output}", soft_wrap=True)
