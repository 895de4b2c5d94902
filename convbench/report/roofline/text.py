"""The fractions of the limit for the terminal and for other programs."""

import csv
import io
from dataclasses import astuple

from rich.table import Table

from convbench.limits.machine import Limits
from convbench.report.roofline.points import Point, points
from convbench.results.grid import Grid
from convbench.results.quantities import format_seconds

CSV_COLUMNS = (
    *("machine", "commit", "family", "direction", "dtype", "layout", "threads", "input", "filter"),
    *("flops", "bytes", "limit_s", "limited_by", "method", "time_s", "fraction"),
)


def _fraction(point: Point, method: str) -> str:
    measurement = next((m for m in point.methods if m.method == method), None)
    fraction = None if measurement is None else point.fraction(measurement)
    return "-" if fraction is None else f"{fraction:.1%}"


def fraction_table(grid: Grid, limits: Limits) -> Table:
    """Return the fraction of its limit that each method reached, a row a cell."""
    title = f"fraction of the limit: {grid.view}"
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in ("input", "filter", "FLOP/B", "limit"):
        table.add_column(name, justify="right")
    table.add_column("limited by")
    for method in grid.methods:
        table.add_column(method, justify="right")
    for point in points(grid, limits):
        table.add_row(
            point.row,
            str(point.filter_size),
            f"{point.intensity:.3g}",
            format_seconds(point.bound.seconds),
            point.bound.limited_by,
            *[_fraction(point, method) for method in grid.methods],
        )
    return table


def fraction_csv(found: list[Grid], limits: Limits, machine: str, commit: str) -> str:
    """Return one line for each cell and method, with a header; times in seconds."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(CSV_COLUMNS)
    for grid in found:
        start = (machine, commit, *astuple(grid.view))
        for point in points(grid, limits):
            limit = (point.bound.seconds, point.bound.limited_by)
            cell = (point.row, point.filter_size, point.work.flops, point.work.bytes, *limit)
            for measurement in point.methods:
                result = (measurement.method, measurement.time_s, point.fraction(measurement))
                lines.writerow((*start, *cell, *result))
    return text.getvalue()
