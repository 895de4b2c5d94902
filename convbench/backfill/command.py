"""`convbench backfill`: measure the last commits, as far as this machine has no results of them."""

import argparse

from rich.console import Console

from convbench.command_line.arguments import add_machine, count, pattern


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser("backfill", help="measure the last commits that lack results")
    parser.add_argument(
        "count",
        nargs="?",
        type=count("number of commits: 1 or more"),
        default=10,
        metavar="N",
        help="of the last N (default: 10)",
    )
    add_machine(parser)
    parser.add_argument(
        "--bench",
        type=_pattern,
        metavar="REGEX",
        help="only cells that asv finds by it (default: what the report measures)",
    )
    parser.set_defaults(run=run)


def _pattern(text: str) -> str:
    # As it is used: within a larger expression, where flags for all of it are not allowed.
    return pattern(text, within="(?:{})").pattern


def run(args: argparse.Namespace, console: Console) -> None:
    """Do what the command line asks for."""
    from convbench.backfill.making import backfill

    backfill(args.count, args.machine, args.bench, console)
