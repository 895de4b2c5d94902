"""The roofline as a part of a page: a plot, a table, and the definition of the limit."""

from convbench.drawing.markup import Content, Markup, element, join, table
from convbench.drawing.palette import tint_index
from convbench.limits.bound import DEFINITION
from convbench.limits.machine import Limits
from convbench.report.roofline.plot import roofline_plot
from convbench.report.roofline.points import Point, points
from convbench.results.grid import Grid, Measurement, history_link
from convbench.results.quantities import format_bytes, format_rate, format_seconds


def _limits_table(limits: Limits, dtype: str) -> Markup:
    head: list[Content] = ["work", "size", "fastest call", "rate"]
    rows: list[list[Content]] = []
    for size, seconds in sorted(limits.copy_s.items()):
        rate = format_rate(2 * size / seconds, "B")
        rows.append(["copy", format_bytes(size), format_seconds(seconds), rate])
    rate = format_rate(limits.flops_per_s[dtype], "FLOP")
    rows.append(["multiply-adds", "registers", "-", rate])
    for size, seconds in sorted(limits.transform_s[dtype].items()):
        rate = format_rate(size**2 / seconds, "pixel")
        rows.append(["real transform", f"{size}x{size}", format_seconds(seconds), rate])
    made = table(head, rows, class_="plain")
    return element("details", element("summary", "The machine's limits, as measured"), made)


def _method_cell(point: Point, measurement: Measurement | None, best_s: float) -> Content:
    if measurement is None or measurement.time is None:
        return "-"
    fraction, seconds = point.fraction(measurement), measurement.time_s
    if fraction is None or seconds is None:
        return measurement.time.absence
    text = f"{fraction:.1%} ({format_seconds(seconds)})"
    best = seconds == best_s
    link = element("a", text, href=history_link(measurement.time), class_="best" if best else None)
    return join(link, " best" if best else None)


def _fractions(found: list[Point], methods: list[str]) -> Markup:
    head: list[Content] = ["input, filter (pixels)", "FLOP/B", "limit", "limited by", *methods]
    rows: list[list[Content]] = []
    for point in found:
        by_name = {m.method: m for m in point.methods}
        times = [m.time_s for m in point.methods if m.time_s is not None]
        best_s = min(times, default=0.0)
        rows.append(
            [
                f"{point.row}, {point.filter_size}x{point.filter_size}",
                f"{point.intensity:.3g}",
                format_seconds(point.bound.seconds),
                point.bound.limited_by,
                *[_method_cell(point, by_name.get(name), best_s) for name in methods],
            ]
        )
    made = table(head, rows, class_="plain dense")
    return element("div", made, class_="scroll", tabindex="0", role="region", aria_label="Table")


def roofline_section(grid: Grid, limits: Limits | None) -> Markup:
    """Return the plot and the table of one view."""
    if limits is None:
        text = (
            "The limits of this machine, which the cells are held against, were not measured with "
            "this commit, or only by an older definition. On that machine, this measures them: "
        )
        return element("p", text, element("code", 'asv run --bench "^limits" COMMIT^!'))
    found = points(grid, limits)
    if not found:
        return element("p", "What these cells ask for is not known to this page.")
    tints = tint_index(grid.methods)
    return join(
        element("div", roofline_plot(found, limits, tints), class_="scroll"),
        element("h3", "Fraction of the limit reached (median time of one call)"),
        _fractions(found, grid.ranked_methods),
        element("h3", "What the limit is"),
        element("p", DEFINITION),
        _limits_table(limits, grid.view.dtype),
    )
