"""`convbench summary`: the fastest methods of earlier results, as tables for the terminal."""

import argparse
from typing import TYPE_CHECKING

from rich.console import Console

from convbench.report.options import add_run_options
from convbench.suite.facts import BACKWARD, FORWARD

if TYPE_CHECKING:
    from convbench.results.store import Run


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser("summary", help="print the fastest methods of earlier results")
    add_run_options(parser, named=True)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, console: Console) -> None:
    """Do what the command line asks for."""
    from convbench.results.store import find_run, load_benchmarks, load_config

    conf = load_config()
    print_results(find_run(conf, load_benchmarks(conf), args.machine, args.commit), console)


def print_results(run: "Run", console: Console) -> None:
    """Print the fastest method of each cell, forward and backward."""
    from convbench.report.winners import winner_table

    console.print(f"\n{run.machine}, commit {run.commit[:8]}, float32, median of one call")
    for title, benchmark in (("forward", FORWARD), ("backward", BACKWARD)):
        table = winner_table(run, benchmark, f"fastest method, {title}")
        console.print(table if table.row_count else f"{title}: no cell is measured yet")
    console.print("(2x): the next method takes twice as long; a = b: too close to call\n")
