"""Have asv find the benchmarks of a commit, and measure pieces of it."""

import os
import time
from collections.abc import Collection, Mapping
from math import inf
from pathlib import Path

from asv.benchmarks import Benchmarks
from asv.config import Config

from convbench.asv.command import asv
from convbench.measuring.chunks import Chunk, of_cells
from convbench.results.reasons import CellKey
from convbench.results.store import Run, runs
from convbench.suite.conditions import (
    DEADLINE_VARIABLE,
    PATIENCE_VARIABLE,
    TURNS,
    TURNS_VARIABLE,
)

# Where time is short: how many times its share of the time the turns of a cell may take on average
# (many agree sooner), and the least and the most seconds that may come of it; but what the turns
# that are wanted are expected to take, and a tenth more, for some known work takes turns with them.
_WAITING_SHARES = 2
_LEAST_WAITING_S, _MOST_WAITING_S = 0.6, 10.0
_OWN_SHARE = 1.1
_ONCE_MORE_CELLS = 10
_ONCE_MORE_CELL_S = 2.0


def newest_runs(conf: Config, benchmarks: Benchmarks, machine: str) -> dict[str, Run]:
    """Return the last of what a machine measured of each commit."""
    return {run.commit: run for run in runs(conf, benchmarks, machine)}


def discover(
    machine: str, commit: str, conf: Path | None = None, environment: str | None = None
) -> None:
    """Have asv note which benchmarks there are, in its documented way: by running none."""
    asv(
        *("run", f"{commit}^!", "--bench", "just-discover", "--machine", machine),
        *(() if environment is None else ("--environment", environment)),
        conf=conf,
    )


def measure(
    machine: str,
    commit: str,
    chunk: Chunk,
    left_s: float = inf,
    cells_left: int = 1,
    conf: Path | None = None,
    environment: str | None = None,
    more: float = 1.0,
) -> None:
    """Measure one piece of one commit; asv saves it when it is done, where `conf` says.

    After `left_s` seconds no cell gets more turns than it must have, and until then the piece's
    cells together no more than leave time for all `cells_left` (of this piece and those after it):
    ten seconds a cell would leave most of a report unmeasured. What the user says of patience
    stands. The `environment` is as asv's ``-E``; `more` is how many times the usual turns its cells
    get.
    """
    settings = {}
    if more > 1 and TURNS_VARIABLE not in os.environ:
        settings[TURNS_VARIABLE] = str(round(TURNS * more))
    if left_s < inf:
        settings[DEADLINE_VARIABLE] = str(time.time() + left_s)
        if PATIENCE_VARIABLE not in os.environ:
            share_s = _WAITING_SHARES * left_s / cells_left
            own_s = _OWN_SHARE * more * chunk.turns_s / len(chunk.cells)
            patience_s = min(max(share_s, own_s, _LEAST_WAITING_S), _MOST_WAITING_S)
            settings[PATIENCE_VARIABLE] = f"{patience_s:.3g}"
    measure_found(machine, commit, chunk.regex, settings, conf, environment)


def measure_found(
    machine: str,
    commit: str,
    regex: str,
    settings: Mapping[str, str] | None = None,
    conf: Path | None = None,
    environment: str | None = None,
) -> None:
    """Measure the cells of one commit that asv finds by `regex`, in one run."""
    asv(
        *("run", f"{commit}^!", "--bench", regex, "--machine", machine),
        *("--record-samples", "--show-stderr", "-a", "rounds=1"),
        *(() if environment is None else ("--environment", environment)),
        settings=settings,
        conf=conf,
    )


def disturbed(run: Run | None, cells: Collection[CellKey]) -> list[CellKey]:
    """Return those of `cells` whose turns did not agree, in the order of the results."""
    records = () if run is None else run.records
    return [record.key for record in records if record.disturbed and record.key in cells]


def once_more(cells: list[CellKey]) -> list[Chunk]:
    """Return chunks of cells that were disturbed: few of them, since each may take long."""
    slices = range(0, len(cells), _ONCE_MORE_CELLS)
    return [of_cells(cells[at : at + _ONCE_MORE_CELLS], _ONCE_MORE_CELL_S) for at in slices]
