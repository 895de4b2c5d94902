"""`convbench roofline`: each cell against the machine's limits."""

import argparse
from pathlib import Path

from rich.console import Console

from convbench.command_line.failure import CommandError
from convbench.report.options import add_options, format_wanted, view_wanted, write_text


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser("roofline", help="show how far each cell is from the limit")
    add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, console: Console) -> None:
    """Do what the command line asks for."""
    from convbench.files.outputs import check_outputs
    from convbench.limits.bound import DEFINITION
    from convbench.limits.machine import read_limits
    from convbench.report.roofline.points import points
    from convbench.report.roofline.text import fraction_csv, fraction_table
    from convbench.results.selection import choose, narrow

    form = format_wanted(args)
    check_outputs({"--output": args.output})
    source = choose(args.machine, args.commit)
    machine, commit = source.run.machine, source.run.commit
    limits = read_limits(source.run)
    if limits is None:
        raise CommandError(
            f"the limits of {machine} were not measured at {commit[:8]}; "
            f"`asv run --bench limits` does it"
        )
    found = [grid for grid in narrow(source, view_wanted(args)) if points(grid, limits)]
    if not found:
        raise CommandError(
            "what the cells of this view ask for is not known: no limit to compare to"
        )
    if form == "csv":
        write_text(fraction_csv(found, limits, machine, commit), args.output)
    elif form == "table":
        console.print(source.caption, soft_wrap=True)
        for grid in found:
            console.print(fraction_table(grid, limits))
        console.print(DEFINITION)
    else:
        from convbench.report.roofline.figure import draw

        output = args.output or Path(f"roofline.{form}")
        draw(found, limits, source.caption, output)
        console.print(f"wrote {output}", soft_wrap=True)
