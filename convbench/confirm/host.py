"""Whether the machine itself was slower: by what a cell says, or cells of other people's code."""

import re
import statistics

from convbench.results.reasons import cell_name
from convbench.results.store import Run, left_of
from convbench.suite.conditions import TOLERANCE

# So many cells have to say it, and so many of them alike.
_ENOUGH = 5
_ALIKE = 0.1
_MOST = 0.7
# Less than this is no step that anybody would have named.
_SLOWER = 1.03


def _times(run: Run, reference: str) -> dict[str, float]:
    return {
        name: record.value
        for record in run.records
        if not record.skipped and record.value > 0
        if re.search(reference, name := cell_name(record.key))
    }


def host_factor(before: Run | None, after: Run | None, reference: str) -> float | None:
    """Return by what factor the cells that `reference` finds took longer; None if they did not.

    They have to be several, and most of them have to agree.
    """
    if before is None or after is None:
        return None
    old, new = _times(before, reference), _times(after, reference)
    ratios = [new[cell] / old[cell] for cell in old.keys() & new.keys()]
    if len(ratios) < _ENOUGH:
        return None
    factor = statistics.median(ratios)
    alike = sum(abs(ratio / factor - 1) <= _ALIKE for ratio in ratios)
    return factor if factor >= _SLOWER and alike >= _MOST * len(ratios) else None


def pace_factor(before: Run | None, after: Run | None, cell: str) -> float | None:
    """Return by what factor a cell may be slower for the pace that it met; None if for none."""
    paces = [
        record.slowdown
        for run in (before, after)
        if run is not None
        for record in run.records
        if cell_name(record.key) == cell and not record.skipped
    ]
    if len(paces) < 2 or paces[1] / paces[0] <= TOLERANCE:
        return None
    return 1 / left_of(paces[1] / paces[0])


def explains(factor: float | None, ratio: float, threshold: float) -> bool:
    """Whether a step by `ratio` is, less the machine's own, below what would be named."""
    return factor is not None and ratio / factor <= 1 + threshold
