"""`convbench chart`: time against filter size, a line a method, for one input size."""

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from convbench.command_line.failure import MisuseError
from convbench.report.options import add_run_options
from convbench.suite.facts import BACKWARD, FORWARD

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

    from convbench.results.store import Run

# About how high the axes are, and a line of text.
_AXES_POINTS, _LINE_POINTS = 230.0, 12.0
# How far from a line's end its marker stands before its name.
_MARK_POINTS = 14.0
_MARKERS = "osD^vP*X"  # so that the lines can be told apart without their colours


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser("chart", help="draw time against filter size")
    add_run_options(parser, named=True)
    parser.add_argument("--input", type=int, default=512, help="input size (default: 512)")
    parser.add_argument("--direction", choices=("forward", "backward"), default="forward")
    parser.add_argument("--output", type=Path, required=True, help="an .svg, .png or .pdf file")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, _console: Console) -> None:
    """Do what the command line asks for."""
    from convbench.files.outputs import check_outputs
    from convbench.results.store import find_run, load_benchmarks, load_config, machine_facts

    check_outputs({"--output": args.output})
    conf = load_config()
    found = find_run(conf, load_benchmarks(conf), args.machine, args.commit)
    draw(found, machine_facts(conf, found.machine), args.direction, args.input, args.output)


def _series(run: "Run", benchmark: str, input_size: int) -> dict[str, list[tuple[int, float]]]:
    lines: dict[str, list[tuple[int, float]]] = {}
    for record in run.of(benchmark):
        if record.params.get("threads", "all") != "all":
            continue
        if record.params["input"] == input_size and not record.skipped:
            point = (record.params["filter"], record.value)
            lines.setdefault(record.params["method"], []).append(point)
    if not lines:
        sizes = sorted({record.params["input"] for record in run.of(benchmark)})
        raise MisuseError(
            f"{run.machine} measured no input of size {input_size} at {run.commit[:8]} "
            f"(has: {', '.join(map(str, sizes)) or 'none'})"
        )
    return {method: sorted(points) for method, points in lines.items()}


def _name_ends(
    axes: "Axes", ends: dict[str, tuple[int, float]], drawn: "dict[str, Line2D]"
) -> None:
    """Write each line's name, its marker before it, beside its end.

    One above the other where ends lie close: the marker says which is whose.
    """
    from matplotlib.lines import Line2D
    from matplotlib.transforms import ScaledTranslation

    low, high = axes.get_ylim()
    points_a_decade = _AXES_POINTS / math.log10(high / low)
    below = -math.inf
    for method, (x, y) in sorted(ends.items(), key=lambda item: item[1][1]):
        height = points_a_decade * math.log10(y / low)
        below = max(height, below + _LINE_POINTS)
        up = below - height
        moved = ScaledTranslation(_MARK_POINTS / 72, up / 72, axes.figure.dpi_scale_trans)
        mark = Line2D([x], [y])
        mark.update_from(drawn[method])
        mark.set_transform(axes.transData + moved)
        axes.add_artist(mark)
        place = (_MARK_POINTS + 7, up)
        axes.annotate(method, (x, y), xytext=place, textcoords="offset points", va="center")


def draw(run: "Run", facts: dict[str, str], direction: str, input_size: int, output: Path) -> None:
    """Write the picture to `output`; its suffix (.svg, .png, .pdf) names the format.

    Raises
    ------
    MisuseError
        The run has no such cells, or matplotlib cannot write the format.
    """
    from matplotlib.figure import Figure

    from convbench.drawing.figures import save

    benchmark = FORWARD if direction == "forward" else BACKWARD
    lines = _series(run, benchmark, input_size)
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.subplots()
    drawn = {
        method: axes.loglog(*zip(*points, strict=True), marker=marker, label=method)[0]
        for marker, (method, points) in zip(_MARKERS, lines.items(), strict=False)
    }
    taps = sorted({taps for points in lines.values() for taps, _ in points})
    axes.set_xticks(taps, [f"{k}x{k}" for k in taps])
    axes.minorticks_off()
    axes.set_xlim(taps[0] * 0.85, taps[-1] * 2.4)
    _name_ends(axes, {method: points[-1] for method, points in lines.items()}, drawn)
    axes.set_xlabel("filter size (pixels)")
    axes.set_ylabel("median time of one call (seconds)")
    # The processor's name has a line of its own: some fill it.
    axes.set_title(
        f"{direction} on one {input_size}x{input_size} image, float32, "
        f"torch {run.requirements.get('torch', '?')}, commit {run.commit[:8]}\n"
        f"{facts.get('cpu') or run.machine}, {facts.get('num_cpu', '?')} cores",
        fontsize="medium",
    )
    axes.grid(visible=True, which="major", alpha=0.3)
    save(figure, output)
