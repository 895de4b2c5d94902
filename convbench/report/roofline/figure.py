"""The roofline as a picture."""

import textwrap
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convbench.drawing.figures import save
from convbench.drawing.palette import TINTS, tint_index
from convbench.limits.machine import Limits
from convbench.report.roofline.points import points
from convbench.results.grid import Grid

_MARKERS = "os^DvXP<"  # none like the dash of a limit


def _draw(axes: Axes, grid: Grid, limits: Limits) -> None:
    found = points(grid, limits)
    tints = tint_index(grid.methods)
    for method in grid.methods:
        places = [
            (point.intensity, point.rate(m.time_s))
            for point in found
            for m in point.methods
            if m.method == method and m.time_s is not None
        ]
        if places:
            x, y = zip(*places, strict=True)
            tint = tints[method]
            axes.plot(x, y, _MARKERS[tint], c=TINTS[tint].line, label=method)
    intensities = [point.intensity for point in found]
    bounds = [point.rate(point.bound.seconds) for point in found]
    axes.plot(intensities, bounds, "_k", markersize=14, label="limit of a cell")
    edges = [min(intensities) / 1.5, max(intensities) * 1.5]
    top = max(*bounds, limits.flops_per_s[grid.view.dtype]) * 2
    for name, bandwidth in (
        ("cache", limits.cache_bytes_per_s),
        ("memory", limits.memory_bytes_per_s),
    ):
        end = min(edges[1], top / bandwidth)
        axes.plot([edges[0], end], [edges[0] * bandwidth, end * bandwidth], "-k", lw=1)
        axes.annotate(f"copy in {name}", (edges[0], edges[0] * bandwidth), fontsize="small")
    axes.axhline(limits.flops_per_s[grid.view.dtype], color="k", lw=1)
    place = (edges[1], limits.flops_per_s[grid.view.dtype])
    axes.annotate("multiply-adds", place, fontsize="small", ha="right", va="bottom")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(*edges)
    axes.set_xlabel("operations of the direct sum per byte that has to move (FLOP/B)")
    axes.set_ylabel("operations of the direct sum per second (FLOP/s)")
    axes.set_title(str(grid.view), fontsize="medium")
    axes.legend(fontsize="small")
    axes.grid(visible=True, which="major", alpha=0.3)


def draw(found: list[Grid], limits: Limits, caption: str, output: Path) -> None:
    """Write one plot a view to `output`, whose suffix names the format."""
    shown = [grid for grid in found if points(grid, limits)]
    figure = Figure(figsize=(8, 5 * len(shown)), layout="constrained")
    axes = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    for axis, grid in zip(axes, shown, strict=True):
        _draw(axis, grid, limits)
    figure.supxlabel(textwrap.fill(caption, 100), fontsize="small")
    save(figure, output)
