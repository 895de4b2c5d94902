"""The map for the terminal and for other programs."""

import csv
import io
from dataclasses import astuple

from rich.table import Table

from convbench.report.crossover.lead import Standing, changes_text, row_standings
from convbench.results.grid import Grid
from convbench.results.quantities import format_seconds

CSV_COLUMNS = (
    *("machine", "commit", "family", "direction", "dtype", "layout", "threads", "input", "filter"),
    *("method", "time_s", "runner_up", "ratio", "decided", "speedup_over_native", "auto_ratio"),
)


def cell_text(shown: Standing) -> str:
    """Say who wins, by how much over native, and in what time."""
    best = shown.winner
    if best is None:
        return "no time"
    speedup = shown.speedup_over_native
    gain = "" if speedup is None or best.method == "native" else f" {speedup:.3g}x"
    auto = "" if shown.auto_ratio is None else f", auto {shown.auto_ratio:.2f}x"
    return f"{best.name}{gain}\n{format_seconds(best.time_s)}{auto}"


def map_table(grid: Grid) -> Table:
    """Return the map of one view: a row for each image, a column for each filter size."""
    table = Table(title=f"fastest method: {grid.view}", title_justify="left", title_style="bold")
    table.add_column("input", justify="right")
    for taps in grid.filters:
        table.add_column(f"filter {taps}")
    table.add_column("the lead changes")
    for row in grid.rows:
        standings = row_standings(grid, row)
        texts = {shown.place.filter_size: cell_text(shown) for shown in standings}
        cells = [texts.get(taps, "") for taps in grid.filters]
        table.add_row(row, *cells, changes_text(grid, row, "\n"))
    return table


LEGEND = (
    "3x: speedup over native. auto 1.02x: time of auto over that of the fastest. a = b: the noise "
    "can explain the difference. a, or b?: the machine was too busy to measure b. "
    "a so far: other methods are not measured yet. "
    "a > b at 9: from filter size 9 on b is faster (9?: within noise)."
)


def map_csv(found: list[Grid], machine: str, commit: str) -> str:
    """Return one line a cell, with a header; sizes in pixels, times in seconds."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(CSV_COLUMNS)
    for grid in found:
        start = (machine, commit, *astuple(grid.view))
        for row in grid.rows:
            for shown in row_standings(grid, row):
                best, taps = shown.winner, shown.place.filter_size
                rest = (
                    ("",) * 7
                    if best is None
                    else (
                        *(best.method, best.time_s, best.runner_up, best.speedup, best.decided),
                        *(shown.speedup_over_native, shown.auto_ratio),
                    )
                )
                lines.writerow((*start, row, taps, *rest))
    return text.getvalue()
