"""The log-log plot of a roofline, as SVG."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from convbench.drawing.markup import Content, Markup, element
from convbench.limits.machine import Limits
from convbench.report.roofline.points import Point
from convbench.results.grid import Measurement, history_link
from convbench.results.quantities import format_rate, format_seconds

_WIDTH, _HEIGHT = 900, 520
_LEFT, _RIGHT, _TOP, _BOTTOM = 90, 150, 30, 56
_MARK = 5.5

# Each method has a shape, so that the plot can be read without its colours.
_SHAPES: tuple[Callable[[float, float, float], Markup], ...] = (
    lambda x, y, r: element("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=r),
    lambda x, y, r: _polygon(x, y, r, ((-1, -1), (1, -1), (1, 1), (-1, 1))),
    lambda x, y, r: _polygon(x, y, r, ((0, -1.3), (1.2, 1), (-1.2, 1))),
    lambda x, y, r: _polygon(x, y, r, ((0, -1.4), (1.4, 0), (0, 1.4), (-1.4, 0))),
    lambda x, y, r: _polygon(x, y, r, ((0, 1.3), (1.2, -1), (-1.2, -1))),
    lambda x, y, r: _polygon(x, y, r, ((-1.5, -0.6), (1.5, -0.6), (1.5, 0.6), (-1.5, 0.6))),
    lambda x, y, r: _polygon(x, y, r, ((-0.6, -1.5), (0.6, -1.5), (0.6, 1.5), (-0.6, 1.5))),
    lambda x, y, r: _polygon(x, y, r, ((-1.3, 0), (1, 1.2), (1, -1.2))),
)


def _polygon(x: float, y: float, r: float, corners: tuple[tuple[float, float], ...]) -> Markup:
    points = " ".join(f"{x + r * dx:.1f},{y + r * dy:.1f}" for dx, dy in corners)
    return element("polygon", points=points)


@dataclass(frozen=True)
class _Axes:
    """A logarithmic plane."""

    x: tuple[float, float]
    y: tuple[float, float]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the place of a value in the picture."""
        across = math.log(x / self.x[0]) / math.log(self.x[1] / self.x[0])
        up = math.log(y / self.y[0]) / math.log(self.y[1] / self.y[0])
        inner = _HEIGHT - _TOP - _BOTTOM
        return _LEFT + across * (_WIDTH - _LEFT - _RIGHT), _TOP + (1 - up) * inner


def _axes(found: list[Point], limits: Limits) -> _Axes:
    rates = [p.rate(m.time_s) for p in found for m in p.methods if m.time_s is not None]
    rates += [p.rate(p.bound.seconds) for p in found]
    rates += list(limits.flops_per_s.values())
    intensities = [p.intensity for p in found]
    return _Axes(
        (min(intensities) / 1.6, max(intensities) * 1.6), (min(rates) / 1.6, max(rates) * 2)
    )


def _line(axes: _Axes, start: tuple[float, float], end: tuple[float, float], kind: str) -> Markup:
    (x1, y1), (x2, y2) = axes.at(*start), axes.at(*end)
    places = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    return element("line", class_=kind, **{name: f"{value:.1f}" for name, value in places.items()})


def _text(x: float, y: float, text: str, **attributes: str) -> Markup:
    return element("text", text, x=f"{x:.1f}", y=f"{y:.1f}", **attributes)


def _powers(low: float, high: float) -> list[float]:
    return [10.0**e for e in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)]


def _frame(axes: _Axes) -> list[Content]:
    parts: list[Content] = []
    for value in _powers(*axes.x):
        parts.append(_line(axes, (value, axes.y[0]), (value, axes.y[1]), "rule"))
        x, y = axes.at(value, axes.y[0])
        parts.append(_text(x, y + 20, f"{value:g}", text_anchor="middle"))
    for value in _powers(*axes.y):
        parts.append(_line(axes, (axes.x[0], value), (axes.x[1], value), "rule"))
        x, y = axes.at(axes.x[0], value)
        parts.append(_text(x - 8, y + 4, format_rate(value, "FLOP"), text_anchor="end"))
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    title = "operations of the direct sum per byte that has to move (FLOP/B)"
    parts.append(_text(middle, _HEIGHT - 12, title, text_anchor="middle"))
    parts.append(_text(0, _TOP - 6, "operations of the direct sum per second"))
    return parts


def _roofs(axes: _Axes, limits: Limits, flops_per_s: float) -> list[Content]:
    x, y = axes.at(axes.x[1], flops_per_s)
    parts: list[Content] = [
        _line(axes, (axes.x[0], flops_per_s), (axes.x[1], flops_per_s), "roof"),
        _text(x + 6, y + 4, "multiply-adds"),
    ]
    for name, bandwidth in (
        ("cache", limits.cache_bytes_per_s),
        ("memory", limits.memory_bytes_per_s),
    ):
        # The roof runs from the left edge, or the floor, up to the edge it meets first.
        low = max(axes.x[0], axes.y[0] / bandwidth)
        high = min(axes.x[1], axes.y[1] / bandwidth)
        if low < high:
            ends = (low, low * bandwidth), (high, high * bandwidth)
            parts.append(_line(axes, *ends, "roof"))
            x, y = axes.at(*ends[1])
            parts.append(_text(x + 6, y + 12, f"copy in {name}"))
    return parts


def _mark(axes: _Axes, point: Point, measurement: Measurement, tint: int) -> Content:
    seconds, record = measurement.time_s, measurement.time
    if seconds is None or record is None:
        return None
    x, y = axes.at(point.intensity, point.rate(seconds))
    label = (
        f"{measurement.method}, input {point.row}, filter {point.filter_size}: "
        f"{format_seconds(seconds)}, {format_rate(point.rate(seconds), 'FLOP')}, "
        f"{point.fraction(measurement):.1%} of the limit"
    )
    shape = _SHAPES[tint](x, y, _MARK)
    # The table below has the same links for the keyboard.
    return element(
        "a",
        element("title", label),
        shape,
        href=history_link(record),
        tabindex="-1",
        class_=f"mark l{tint}",
    )


def _limit_mark(axes: _Axes, point: Point) -> Markup:
    rate = point.rate(point.bound.seconds)
    x, y = axes.at(point.intensity, rate)
    label = (
        f"limit of input {point.row}, filter {point.filter_size}: "
        f"{format_seconds(point.bound.seconds)}, {point.bound.limited_by}"
    )
    line = element(
        "line", x1=f"{x - 9:.1f}", x2=f"{x + 9:.1f}", y1=f"{y:.1f}", y2=f"{y:.1f}", class_="limit"
    )
    return element("g", element("title", label), line)


def _legend(tints: dict[str, int], methods: list[str]) -> list[Content]:
    parts: list[Content] = []
    x, y = _WIDTH - _RIGHT + 24, _HEIGHT - _BOTTOM - 22 * (len(methods) + 1)
    for method in methods:
        parts.append(element("g", _SHAPES[tints[method]](x, y, _MARK), class_=f"l{tints[method]}"))
        parts.append(_text(x + 14, y + 4, method))
        y += 22
    ends = {"x1": x - 9, "x2": x + 9, "y1": y, "y2": y}
    parts.append(element("line", class_="limit", **ends))
    parts.append(_text(x + 14, y + 4, "limit of a cell"))
    return parts


def roofline_plot(found: list[Point], limits: Limits, tints: dict[str, int]) -> Markup:
    """Return the plot: each method of each cell below the machine's roofs and the cell's limit."""
    axes = _axes(found, limits)
    methods = list(dict.fromkeys(m.method for point in found for m in point.methods))
    marks = [
        _mark(axes, point, measurement, tints[measurement.method])
        for point in found
        for measurement in point.methods
    ]
    return element(
        "svg",
        *_frame(axes),
        *_roofs(axes, limits, limits.flops_per_s[found[0].work.dtype]),
        *[_limit_mark(axes, point) for point in found],
        *marks,
        *_legend(tints, methods),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        class_="plot",
        role="img",
        aria_label="Rate of every method in every cell against the machine's limits; "
        "the table below has the numbers.",
    )
