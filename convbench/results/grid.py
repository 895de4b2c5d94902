"""What was measured of each convolution, joined over benchmarks: time, error, peak memory.

asv keeps a benchmark for each quantity, direction and dtype. A reader asks for a place ("512x512
with 21x21, forward, float32") and wants all of it, for every method. Nothing here knows which
methods or sizes there are: a benchmark takes part if one of its parameters is called `method`.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from convbench.results.store import Record, Run

_MEMORY_REFERENCE = "package.Reference.peakmem_nothing"
_THREADS = "package.Reference.track_threads"
_OWN_AXES = {
    *("method", "direction", "dtype", "layout", "threads"),
    *("input", "filter", "input/filter"),
}
_DEFAULT_LAYOUT = "contiguous"
ALL_THREADS = "all"
AUTO = "auto"
"""The method that picks one of the others."""


@dataclass(frozen=True, order=True)
class View:
    """What one map shows: everything about a place but its sizes and its method.

    The fields are columns of what `--format csv` prints, in this order.
    """

    family: str
    """The benchmarks' module: `conv2d` is the grid of one image and one filter."""
    direction: str
    dtype: str
    layout: str
    threads: str = ALL_THREADS
    """`all` that torch uses by itself, or `1`."""

    def __str__(self) -> str:
        """Name the view as headings do."""
        threads = "1 thread" if self.threads == "1" else f"{self.threads} threads"
        return f"{self.family}, {self.direction}, {self.dtype}, {self.layout}, {threads}"


@dataclass
class Measurement:
    """One method at one place."""

    method: str
    time: Record | None = None
    error: float | None = None
    peak_bytes: float | None = None
    """Peak memory of a process that makes the call once, less that of one which does not."""

    @property
    def time_s(self) -> float | None:
        """Median seconds of one call, None where it was skipped or not measured."""
        return None if self.time is None or self.time.skipped else self.time.value

    @property
    def paced_s(self) -> float | None:
        """The same, about, at the pace of the machine at which all here can be compared."""
        return None if self.time is None or self.time.skipped else self.time.paced


@dataclass
class Place:
    """One place in a map: the image's row, the filter's column, and every method there."""

    row: str
    filter_size: int
    params: dict[str, Any]
    methods: dict[str, Measurement] = field(default_factory=dict)

    def times(self) -> list[Record]:
        """Return the time of each method that was measured or skipped here."""
        return [m.time for m in self.methods.values() if m.time is not None]

    @property
    def fastest(self) -> str | None:
        """The fastest method, `auto` aside, which is one of the others."""
        times = {m.method: m.paced_s for m in self.methods.values() if m.method != AUTO}
        known = {method: seconds for method, seconds in times.items() if seconds is not None}
        return min(known, key=known.__getitem__, default=None)

    def behind(self, method: str) -> float | None:
        """Return a method's time as a multiple of the fastest one's, None without a time."""
        best, own = self.fastest, self.methods.get(method)
        if best is None or own is None or own.paced_s is None:
            return None
        fastest_s = self.methods[best].paced_s
        return own.paced_s / fastest_s if fastest_s else None


@dataclass(frozen=True)
class Grid:
    """The places of one view."""

    view: View
    places: dict[tuple[str, int], Place]

    @property
    def rows(self) -> list[str]:
        """The images, smallest first; labels that are no number come in the suite's order."""
        labels = dict.fromkeys(row for row, _ in self.places)
        return sorted(labels, key=lambda label: int(label) if label.isdigit() else math.inf)

    @property
    def filters(self) -> list[int]:
        """The filter sizes, smallest first."""
        return sorted({size for _, size in self.places})

    @property
    def methods(self) -> list[str]:
        """The methods, in the suite's order."""
        return list(dict.fromkeys(m for place in self.places.values() for m in place.methods))

    @property
    def ranked_methods(self) -> list[str]:
        """The methods as a reader asks for them: `auto`, then the one that is fastest most often.

        Of those that are as often, the one comes first that takes less time on the whole.
        """
        wins = Counter(place.fastest for place in self.places.values())

        def rank(method: str) -> tuple[bool, int, float]:
            behind = [s for place in self.places.values() if (s := place.behind(method))]
            mean = sum(map(math.log, behind)) / len(behind) if behind else math.inf
            return method != AUTO, -wins[method], mean

        return sorted(self.methods, key=rank)


def _view(record: Record) -> View:
    family, owner, *_, function = record.benchmark.split(".")
    params = record.params
    backward = "backward" in (params.get("direction"), function.rsplit("_", 1)[-1])
    return View(
        family,
        "backward" if backward else "forward",
        params.get("dtype", "float64" if owner.endswith("Float64") else "float32"),
        params.get("layout", _DEFAULT_LAYOUT),
        str(params.get("threads", ALL_THREADS)),
    )


def _row_and_column(params: dict[str, Any]) -> tuple[str, int]:
    """Return the row and the column of a place."""
    size, taps = params.get("input"), params.get("filter")
    if "input/filter" in params:
        size, taps = params["input/filter"].split("/")
    others = [str(value) for name, value in params.items() if name not in _OWN_AXES]
    return " ".join([*others, *([] if size is None else [str(size)])]), int(taps or 0)


def _fill(measurement: Measurement, record: Record, idle_bytes: float) -> None:
    function = record.benchmark.rsplit(".", 1)[-1]
    if function.startswith("time_"):
        measurement.time = record
    elif record.skipped:
        return
    elif function == "track_error":
        measurement.error = record.value
    elif function.startswith("peakmem_"):
        measurement.peak_bytes = max(0.0, record.value - idle_bytes)


def single_value(run: Run, benchmark: str) -> float | None:
    """Return the value of a benchmark without parameters, None where it was not measured."""
    return next((r.value for r in run.of(benchmark) if not r.skipped), None)


def threads(run: Run) -> str:
    """Return the number of threads that torch used, `?` where it was not recorded."""
    value = single_value(run, _THREADS)
    return "?" if value is None else f"{value:.0f}"


def grids(run: Run) -> list[Grid]:
    """Return everything that `run` knows of convolutions, one grid a view."""
    idle_bytes = single_value(run, _MEMORY_REFERENCE) or 0.0
    views: dict[View, dict[tuple[str, int], Place]] = {}
    for record in _of_methods(run.records):
        at, method = _row_and_column(record.params), record.params["method"]
        places = views.setdefault(_view(record), {})
        place = places.setdefault(at, Place(*at, params=record.params))
        _fill(place.methods.setdefault(method, Measurement(method)), record, idle_bytes)
    found = [Grid(view, places) for view, places in views.items()]
    timed = [grid for grid in found if any(place.times() for place in grid.places.values())]
    # The first view is what is shown first: forward, float32, all threads.
    return sorted(timed, key=lambda g: _order(g.view))


def _order(view: View) -> tuple[object, ...]:
    one_thread = view.threads != ALL_THREADS
    return view.family, one_thread, view.direction != "forward", view.dtype


def _of_methods(records: Iterable[Record]) -> Iterable[Record]:
    for record in records:
        if {"method"} <= record.params.keys() and {"filter", "input/filter"} & record.params.keys():
            yield record


def history_link(record: Record) -> str:
    """Return the address of asv's graph of this cell over commits, from the published folder.

    asv compares the values with those of `benchmarks.json`, which are reprs: ``'fft'``, ``512``.
    """
    chosen = "&".join(
        f"p-{quote(name, safe='')}={quote(repr(value), safe='')}"
        for name, value in record.params.items()
    )
    return f"index.html#{record.benchmark}?{chosen}"
