"""Detection against injected slowdown, a line a tool."""

from pathlib import Path

from convbench.power.rates import Rates

_MARKERS = "osD^vP*X"  # so that the lines can be told apart without their colours
_SHIFT = 0.0006


def draw(rates: Rates, title: str, output: Path) -> None:
    """Write the picture to `output`; its suffix (.svg, .png, .pdf) names the format."""
    from matplotlib.figure import Figure

    from convbench.drawing.figures import save

    figure = Figure(figsize=(9.6, 4.4), layout="constrained")
    axes = figure.subplots()
    for index, (way, of_way) in enumerate(rates.items()):
        # Side by side, so that intervals do not hide each other.
        x = [100 * (share + (index - len(rates) / 2) * _SHIFT) for share in of_way]
        y = [100 * rate.value for rate in of_way.values()]
        ends = [rate.interval for rate in of_way.values()]
        below = [max(0.0, v - 100 * low) for v, (low, _) in zip(y, ends, strict=True)]
        above = [max(0.0, 100 * high - v) for v, (_, high) in zip(y, ends, strict=True)]
        marker = _MARKERS[index % len(_MARKERS)]
        axes.errorbar(x, y, (below, above), marker=marker, capsize=2, label=way)
    axes.set_xlabel("injected slowdown (%)")
    axes.set_ylabel("called slower (% of trials)")
    axes.set_title(title, fontsize="medium")
    axes.set_ylim(-3, 103)
    axes.grid(visible=True, alpha=0.3)
    # Beside the axes: there is no place in them that no interval crosses.
    figure.legend(fontsize="small", loc="outside right upper")
    save(figure, output)
