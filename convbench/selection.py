"""Which results a command reads, and where it writes, from its options."""

import argparse
import sys
from pathlib import Path

from asv.config import Config

from convbench.asv_command import this_machine
from convbench.cells import Grid, grids
from convbench.source import Source
from convbench.store import (
    StoreError,
    find_run,
    load_benchmarks,
    load_config,
    machine_facts,
    machines,
)

_VIEW_OPTIONS = ("family", "direction", "dtype", "layout")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every command over results has."""
    parser.add_argument("--machine", help="a machine in results/ (default: this one)")
    parser.add_argument("--commit", help="hash or its beginning (default: the newest)")
    for name in _VIEW_OPTIONS:
        parser.add_argument(f"--{name}", help=f"only this {name} (default: every one)")
    parser.add_argument("--format", choices=("table", "png", "svg", "csv"), default="table")
    parser.add_argument("--output", type=Path, help="file for png, svg and csv")


def _machine(conf: Config, wanted: str | None) -> str:
    """Return the machine meant: the one named, this one, or the only one there is."""
    if wanted is not None:
        return wanted
    known = machines(conf)
    own = this_machine()
    if own in known:
        return own
    if len(known) == 1:
        return known[0]
    listed = ", ".join(known) or "none; `make report` measures"
    raise StoreError(f"name a machine with --machine (results are of: {listed})")


def choose(machine: str | None, commit: str | None) -> Source:
    """Return the run that a command's options mean: by default the newest of this machine.

    Raises
    ------
    StoreError
        There is no such run, or it measured no convolution.
    """
    conf = load_config()
    name = _machine(conf, machine)
    run = find_run(conf, load_benchmarks(conf), name, commit)
    found = grids(run)
    if not found:
        raise StoreError(f"{name} measured no convolution at {run.commit[:8]}")
    return Source(run, machine_facts(conf, name), found)


def narrow(source: Source, args: argparse.Namespace) -> list[Grid]:
    """Return the views that the options leave.

    Raises
    ------
    StoreError
        None is left; the message lists those that there are.
    """
    asked = {name: getattr(args, name) for name in _VIEW_OPTIONS}
    left = [
        grid
        for grid in source.grids
        if all(value in (None, getattr(grid.view, name)) for name, value in asked.items())
    ]
    if not left:
        there = "; ".join(str(grid.view) for grid in source.grids)
        given = ", ".join(f"--{name} {value}" for name, value in asked.items() if value)
        raise StoreError(f"nothing was measured with {given} (has: {there})")
    return left


def write_text(text: str, output: Path | None) -> None:
    """Write `text` to a file, or to the standard output where none is named."""
    if output is None:
        sys.stdout.write(text)
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
