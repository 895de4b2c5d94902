"""`convbench report`: measure what is not measured yet, publish, and say who won."""

import argparse

from rich.console import Console

from convbench.command_line.arguments import add_machine, duration

# A report is made in at most six minutes: half a minute is left for publishing.
BUDGET_S = 330.0


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "report", help="measure what HEAD lacks, publish, print the fastest methods"
    )
    add_machine(parser)
    parser.add_argument("--again", action="store_true", help="measure what is there already, too")
    parser.add_argument(
        "--budget",
        type=duration(1.0),
        default=BUDGET_S,
        help="measure for so long and leave the rest to the next call (default: 5.5m)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, console: Console) -> None:
    """Do what the command line asks for."""
    # It reaches into asv's machinery, which takes a while to load.
    from convbench.report.making import report

    report(args.machine, console, again=args.again, budget_s=args.budget)
