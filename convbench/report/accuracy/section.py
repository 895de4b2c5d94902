"""The table of time, error and memory as a part of a page."""

from convbench.drawing.markup import Content, Markup, element, join
from convbench.results.grid import Grid, Measurement, Place, history_link
from convbench.results.quantities import format_bytes, format_error, format_seconds

EXPLANATION = (
    "Time: median seconds of one call. Error: largest deviation from float64 of the output, or of "
    "any gradient, divided by the largest value of what it should be. Memory: peak of a process "
    "that makes the call once, less the peak of one that makes no call; it contains the operands. "
    "Bold with a star: least of its cell. A time leads to its history."
)
_QUANTITIES = ("time", "error", "memory")


def _values(measurement: Measurement | None) -> tuple[float | None, float | None, float | None]:
    if measurement is None:
        return None, None, None
    return measurement.time_s, measurement.error, measurement.peak_bytes


def _least(place: Place) -> list[float | None]:
    """Return the least time, error and memory of any method at a place."""
    columns = zip(*map(_values, place.methods.values()), strict=True)
    return [min((v for v in column if v is not None), default=None) for column in columns]


def _entry(measurement: Measurement | None, index: int, least: float | None) -> Markup:
    value = _values(measurement)[index]
    if value is None or measurement is None:
        untimed = None if measurement is None or index else measurement.time
        return element("td", "-" if untimed is None else untimed.absence)
    text = (format_seconds, format_error, format_bytes)[index](value)
    shown: Content = text
    if index == 0 and measurement.time is not None:
        shown = element("a", text, href=history_link(measurement.time))
    if value == least:
        return element("td", join(shown, " *"), class_="best")
    return element("td", shown)


def _row(row: str, taps: int, place: Place, methods: list[str]) -> Markup:
    least = _least(place)
    entries = [
        _entry(place.methods.get(method), index, least[index])
        for method in methods
        for index in range(len(_QUANTITIES))
    ]
    return element("tr", element("th", f"{row}, {taps}x{taps}", scope="row"), *entries)


def accuracy_section(grid: Grid) -> Markup:
    """Return the table of one view."""
    methods = grid.ranked_methods
    groups = [element("th", method, scope="colgroup", colspan=3) for method in methods]
    names = [element("th", name, scope="col") for _ in methods for name in _QUANTITIES]
    head = element(
        "thead",
        element("tr", element("th", "input, filter (pixels)", scope="col", rowspan=2), *groups),
        element("tr", *names),
    )
    rows = [
        _row(row, taps, grid.places[row, taps], methods)
        for row in grid.rows
        for taps in grid.filters
        if (row, taps) in grid.places
    ]
    made = element("table", head, element("tbody", *rows), class_="plain dense")
    scroll = element("div", made, class_="scroll", tabindex="0", role="region", aria_label="Table")
    return join(scroll, element("p", EXPLANATION))
