"""The maps as a picture."""

import textwrap
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from convbench.drawing.figures import save
from convbench.drawing.palette import TEXT_LIGHT, TINTS, tint_index
from convbench.report.crossover.lead import lines, row_standings
from convbench.report.crossover.text import cell_text
from convbench.results.grid import Grid


def _draw_map(axes: Axes, grid: Grid) -> None:
    colours = tint_index(grid.methods)
    for y, row in enumerate(grid.rows):
        for shown in row_standings(grid, row):
            x = grid.filters.index(shown.place.filter_size)
            best = shown.winner
            face = "#ffffff" if best is None else TINTS[colours[best.method]].light
            axes.add_patch(Rectangle((x, y), 1, 1, facecolor=face, edgecolor="white"))
            text = cell_text(shown).replace(" = ", " =\n")
            axes.text(x + 0.5, y + 0.42, text, ha="center", va="center", fontsize=7, c=TEXT_LIGHT)
    # Layers have no order that a line could follow.
    ordered = all(row.isdigit() for row in grid.rows)
    for points in lines(grid).values():
        axes.plot(
            [x for x, _, _ in points],
            [middle + 0.42 for _, middle, _ in points],
            "-" if ordered else "",
            c=TEXT_LIGHT,
            lw=0.7,
            alpha=0.35,
        )
        for at, middle, crossing in points:
            dash = "-" if crossing.sure else (0, (1, 0.7))
            axes.plot([at, at], [middle + 0.34, middle + 0.5], linestyle=dash, c=TEXT_LIGHT, lw=2.5)
    axes.set_xlim(0, len(grid.filters))
    axes.set_ylim(len(grid.rows), 0)
    axes.set_xticks([i + 0.5 for i in range(len(grid.filters))], [f"{k}x{k}" for k in grid.filters])
    axes.set_yticks([i + 0.5 for i in range(len(grid.rows))], grid.rows)
    axes.set_xlabel("filter size (pixels)")
    axes.set_ylabel("input size (pixels)")
    axes.set_title(f"{grid.view}: fastest method, speedup over native, time", fontsize="medium")


def draw(found: list[Grid], caption: str, output: Path) -> None:
    """Write one map a view to `output`, whose suffix names the format."""
    height = sum(0.62 * len(grid.rows) + 1.2 for grid in found)
    width = 1.6 + 1.35 * max(len(grid.filters) for grid in found)
    figure = Figure(figsize=(max(width, 7.5), height + 0.4), layout="constrained")
    ratios = [len(grid.rows) + 1.9 for grid in found]
    axes = figure.subplots(len(found), 1, squeeze=False, height_ratios=ratios)[:, 0]
    for axis, grid in zip(axes, found, strict=True):
        _draw_map(axis, grid)
    note = textwrap.fill(f"{caption}. Black bar: where the lead changes.", 100)
    figure.supxlabel(note, fontsize="small")
    save(figure, output)
