"""`convbench summary`: the fastest methods of earlier results, as tables for the terminal."""

import argparse
from typing import TYPE_CHECKING

from rich.console import Console

from convbench.report.options import add_run_options
from convbench.suite.facts import BACKWARD, FORWARD

if TYPE_CHECKING:
    from rich.table import Table

    from convbench.results.store import Run

_UNLIMITED = 10_000


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


def _least_width(table: "Table", console: Console) -> int:
    """Return the width at which no word of a table is cut."""
    # rich answers no more than it is given.
    return console.measure(table, options=console.options.update(width=_UNLIMITED)).minimum


def print_results(run: "Run", console: Console) -> None:
    """Print the fastest method of each cell, forward and backward."""
    from convbench.report.winners import winner_lines, winner_table, winners

    console.print(f"\n{run.machine}, commit {run.commit[:8]}, float32, median of one call")
    pending = ""
    for title, benchmark in (("forward", FORWARD), ("backward", BACKWARD)):
        best = winners(run, benchmark)
        table = winner_table(best, f"fastest method, {title}")
        if not table.row_count:
            console.print(f"{title}: no cell is measured yet")
        elif _least_width(table, console) <= console.width:
            console.print(table)
        else:  # the names of methods would be cut
            lines = "\n".join(winner_lines(best))
            console.print(table.title, style="bold", highlight=False)
            console.print(lines, markup=False, highlight=False, soft_wrap=True)
        if any(first.pending for first in best.values()):
            pending = "; so far: not all methods are measured"
    legend = "(2x): the next method takes twice as long; a = b: too close to call"
    console.print(f"{legend}{pending}\n")
