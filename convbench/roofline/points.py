"""Each cell against its limit."""

from dataclasses import dataclass
from typing import Any

from convbench.cells import Grid, Measurement, View
from convbench.roofline.bound import ITEM_BYTES, Bound, Work, bound
from convbench.roofline.limits import Limits


@dataclass(frozen=True)
class Point:
    """One place of the grid: what it asks for, what the machine needs, what each method took."""

    row: str
    filter_size: int
    work: Work
    bound: Bound
    methods: tuple[Measurement, ...]

    @property
    def intensity(self) -> float:
        """Operations of the direct sum for each byte that has to be moved."""
        return self.work.flops / self.work.bytes

    def rate(self, seconds: float) -> float:
        """Return operations of the direct sum per second, whichever algorithm took the time."""
        return self.work.flops / seconds

    def fraction(self, measurement: Measurement) -> float | None:
        """Return the fraction of the limit that a method reached, None where it was skipped."""
        seconds = measurement.time_s
        return None if seconds is None else self.bound.seconds / seconds


def single_work(view: View, params: dict[str, Any]) -> Work | None:
    """Return what a cell of one image and one filter asks for; None for other cells."""
    if "input/filter" in params:
        size, taps = (int(number) for number in params["input/filter"].split("/"))
    elif set(params) <= {"method", "direction", "dtype", "layout", "input", "filter"}:
        size, taps = params["input"], params["filter"]
    else:
        return None
    out = size - taps + 1
    return Work(
        *(1, 1, 1, 1, (size, size), (taps, taps), (out, out)),
        backward=view.direction == "backward",
        dtype=view.dtype,
    )


def points(grid: Grid, limits: Limits) -> list[Point]:
    """Return the cells whose work is known, by growing input and filter."""
    found = []
    if grid.view.dtype not in ITEM_BYTES or grid.view.dtype not in limits.flops_per_s:
        return []
    if grid.view.dtype not in limits.transform_s:
        return []
    for row in grid.rows:
        for taps in grid.filters:
            cell = grid.cells.get((row, taps))
            work = None if cell is None else single_work(grid.view, cell.params)
            if cell is not None and work is not None:
                methods = tuple(m for m in cell.methods.values() if m.time is not None)
                found.append(Point(row, taps, work, bound(work, limits), methods))
    return found
