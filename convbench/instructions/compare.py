"""Count the instructions of the same cells for two commits."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.callgrind import CountError as CountError
from benchmarks.instructions import CELLS, count
from benchmarks.instructions import Cell as CountedCell
from convbench.instructions.comparison import Comparison


def compare(
    baseline: Path, contender: Path, cells: Sequence[CountedCell] = CELLS
) -> list[Comparison]:
    """Count for the fftconv in each of two folders.

    Raises
    ------
    benchmarks.callgrind.CountError
        Nothing could be counted; the message says why in one line.
    """
    before, after = (count(folder, cells) for folder in (baseline, contender))
    return [Comparison(cell, before.get(cell), after.get(cell)) for cell in cells]
