"""Each cell against its limit."""

from dataclasses import dataclass
from typing import Any

from benchmarks.layer_cases import LAYERS, Layer
from convbench.limits.bound import ITEM_BYTES, Bound, Work, bound
from convbench.limits.machine import Limits
from convbench.results.grid import ALL_THREADS, Grid, Measurement, View


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
        """Return the fraction of the limit that a method reached, None where it was skipped.

        The limit is the machine's best; a slower pace moves it as it moves a method's time.
        """
        record = measurement.time
        if record is None or record.skipped:
            return None
        return self.bound.seconds * record.slowdown / record.value


def _image_work(view: View, size: int, taps: int) -> Work:
    out = size - taps + 1
    return Work(
        *(1, 1, 1, 1, (size, size), (taps, taps), (out, out)),
        backward=view.direction == "backward",
        dtype=view.dtype,
    )


def _layer_work(view: View, layer: Layer, taps: int) -> Work:
    out = layer.size + 2 * (taps // 2) - taps + 1
    return Work(
        *(layer.batch, layer.in_channels, layer.out_channels, layer.groups),
        *((layer.size, layer.size), (taps, taps), (out, out)),
        backward=view.direction == "backward",
        dtype=view.dtype,
    )


def known_work(view: View, params: dict[str, Any]) -> Work | None:
    """Return what a cell asks for; None where its parameters do not say so."""
    if "input/filter" in params:
        size, taps = (int(number) for number in params["input/filter"].split("/"))
        return _image_work(view, size, taps)
    if params.get("layer") in LAYERS:
        return _layer_work(view, LAYERS[params["layer"]], params["filter"])
    if set(params) <= {"method", "direction", "dtype", "layout", "threads", "input", "filter"}:
        return _image_work(view, params["input"], params["filter"])
    return None


def points(grid: Grid, limits: Limits) -> list[Point]:
    """Return the cells whose work is known, by growing input and filter."""
    found = []
    dtype = grid.view.dtype
    if grid.view.threads != ALL_THREADS:
        return []  # the limits are those of all threads together
    if not all(dtype in known for known in (ITEM_BYTES, limits.flops_per_s, limits.transform_s)):
        return []
    for row in grid.rows:
        for taps in grid.filters:
            place = grid.places.get((row, taps))
            work = None if place is None else known_work(grid.view, place.params)
            if place is not None and work is not None:
                methods = tuple(m for m in place.methods.values() if m.time is not None)
                found.append(Point(row, taps, work, bound(work, limits), methods))
    return found
