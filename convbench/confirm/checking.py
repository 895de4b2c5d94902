"""Have the gate measure steps: those between the same two commits together."""

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from convbench.command_line.failure import CommandError
from convbench.confirm.findings import VERSION, Finding
from convbench.confirm.steps import Step
from convbench.suite.conditions import kept_apart, written

# What checking out and a trial of the cells take, and what a cell needs to be decided: nine pairs
# of processes at least, of three seconds on a slow host; where they take less, it ends sooner.
# (With 12 s for each of 20 cells, and 26 for each of 8, all stayed undecided there, at ratios of
# 0.96 to 1.03.)
_START_S = 40.0
_CELL_S = 40.0
_LEAST_S = 30.0
# The chance of a false alarm is for all cells together, so each needs more pairs the more there
# are; and if time is short, some are to be decided rather than none.
_MOST_CELLS = 5
_MISUSE = 2


def groups(steps: Iterable[Step]) -> Iterator[list[Step]]:
    """Yield the steps between the same commits together, the largest steps first.

    Those that are searched for come after those of asv's, and those that are faint come last.
    """
    ordered = sorted(steps, key=lambda s: (s.before, s.after, s.rank, -s.ratio))
    pairs = [list(own) for _, own in groupby(ordered, key=lambda s: (s.before, s.after))]
    for own in sorted(pairs, key=lambda own: (own[0].rank, -own[0].ratio)):
        for at in range(0, len(own), _MOST_CELLS):
            yield own[at : at + _MOST_CELLS]


def budget_for(steps: list[Step]) -> float:
    """Return the seconds that the gate should have for these steps."""
    return _START_S + _CELL_S * len(steps)


def check(steps: list[Step], left_s: float, log: Path, suite: Sequence[str] = ()) -> list[Finding]:
    """Measure steps between the same commits; an empty list if there is no time for it.

    Parameters
    ----------
    steps
        What is measured.
    left_s
        What there is of time.
    log
        Gets what the gate prints.
    suite
        Options by which the gate is told whose suite it is.

    Raises
    ------
    CommandError
        The gate refused: one of the commits cannot be installed, for one.
    """
    budget_s = min(budget_for(steps), left_s)
    if budget_s < _LEAST_S:
        return []
    before, after = steps[0].before, steps[0].after
    names = "|".join(re.escape(step.cell) for step in steps)
    with tempfile.TemporaryDirectory(prefix="confirm-") as folder:
        verdicts = Path(folder, "gate.json")
        command = [sys.executable, "-m", "convbench", "gate", before, after]
        options = ["--bench", f"^({names})$", "--budget", f"{budget_s:.0f}s", "--json", verdicts]
        options += suite
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as printed:
            done = subprocess.run(
                [*command, *map(str, options)],
                stdout=printed,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        if not verdicts.exists():
            said = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
            if done.returncode == _MISUSE:
                return [_unasked(step, said[-1], budget_s) for step in steps]
            raise CommandError(f"the gate on {before[:8]} and {after[:8]} failed: {said[-1]}")
        found = json.loads(verdicts.read_text(encoding="utf-8"))
    return [_finding(cell, before, after, budget_s) for cell in found["cells"]]


def _finding(cell: dict[str, Any], before: str, after: str, budget_s: float) -> Finding:
    return Finding(
        version=VERSION,
        cell=cell["cell"],
        before=before,
        after=after,
        verdict=cell["verdict"],
        ratio=cell.get("ratio"),
        low=cell.get("low"),
        high=cell.get("high"),
        pairs=cell.get("pairs_judged", 0),
        budget_s=budget_s,
        settings=written(kept_apart()),
    )


def _unasked(step: Step, said: str, budget_s: float) -> Finding:
    """Note a step that cannot be compared, so that it is not tried again each time."""
    facts = (VERSION, step.cell, step.before, step.after, said, None, None, None, 0, budget_s)
    return Finding(*facts, settings=step.settings)


def all_checked(
    steps: Iterable[Step], budget_s: float, log: Path, suite: Sequence[str] = ()
) -> Iterator[tuple[list[Step], list[Finding]]]:
    """Yield group by group what was found while the budget lasts."""
    end = time.monotonic() + budget_s
    for own in groups(steps):
        found = check(own, end - time.monotonic(), log, suite)
        if not found:
            return
        yield own, found
