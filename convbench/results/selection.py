"""Which results a command reads."""

from collections.abc import Mapping

from asv.config import Config

from convbench.asv.machines import this_machine
from convbench.results.grid import Grid, grids
from convbench.results.source import Source
from convbench.results.store import (
    NotThereError,
    StoreError,
    find_run,
    load_benchmarks,
    load_config,
    machine_facts,
    machines,
)


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


def narrow(source: Source, wanted: Mapping[str, str | None]) -> list[Grid]:
    """Return the views that have the values which are wanted.

    Raises
    ------
    StoreError
        None is left; the message lists those that there are.
    """
    left = [
        grid
        for grid in source.grids
        if all(value in (None, getattr(grid.view, name)) for name, value in wanted.items())
    ]
    if not left:
        there = "; ".join(str(grid.view) for grid in source.grids)
        given = ", ".join(
            f"--{name} {value}" for name, value in wanted.items() if value is not None
        )
        raise NotThereError(f"nothing was measured with {given} (has: {there})")
    return left
