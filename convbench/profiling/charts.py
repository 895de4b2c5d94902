"""The pictures of a profile, as SVG: a flame graph, memory over time, phases side by side."""

from convbench.drawing.markup import Content, Markup, element
from convbench.profiling.memory import MemoryCurve
from convbench.profiling.phases import PHASES, Phase, phase_of
from convbench.profiling.trace import Event
from convbench.results.quantities import format_bytes, format_seconds

_WIDTH = 1100
_ROW = 20
_LEFT = 80
_LETTER = 7.2
# Narrower than this an event cannot be seen, and the file would grow without end.
_NARROWEST = 0.6


def _label(name: str, width: float) -> str | None:
    short = name.rsplit("/", 1)[-1]
    room = int(width / _LETTER) - 1
    if room < 4:
        return None
    return short if len(short) <= room else f"{short[: room - 1]}…"


def _flames(event: Event, start_s: float, scale: float, depth: int) -> tuple[list[Content], int]:
    """Return the boxes of an event and all below it, and the deepest row."""
    x, width = (event.start_s - start_s) * scale, event.duration_s * scale
    if width < _NARROWEST:
        return [], depth - 1
    phase = phase_of(event)
    title = f"{event.name}: {format_seconds(event.duration_s)}, of it alone "
    title += f"{format_seconds(event.self_s)} ({phase})"
    label = _label(event.name, width)
    box = element(
        "rect",
        x=f"{x:.1f}",
        y=depth * _ROW,
        width=f"{max(width - 0.5, 0.5):.1f}",
        height=_ROW - 1,
        class_=f"f{PHASES.index(phase)}",
    )
    text = label and element("text", label, x=f"{x + 3:.1f}", y=depth * _ROW + 14)
    parts: list[Content] = [element("g", element("title", title), box, text)]
    deepest = depth
    for child in event.children:
        below, row = _flames(child, start_s, scale, depth + 1)
        parts += below
        deepest = max(deepest, row)
    return parts, deepest


def flame_graph(call: Event) -> Markup:
    """Return the call as nested boxes, time from left to right, each coloured by its phase."""
    scale = _WIDTH / call.duration_s
    parts, deepest = _flames(call, call.start_s, scale, 0)
    return element(
        "svg",
        *parts,
        viewBox=f"0 0 {_WIDTH} {(deepest + 1) * _ROW}",
        class_="plot flames",
        role="img",
        aria_label="Flame graph of one call; the table above has the sums by phase.",
    )


def memory_chart(curve: MemoryCurve) -> Markup:
    """Return the memory held over time, the calls shaded."""
    if not curve.points:
        return element("p", "The calls were over before their memory could be seen.")
    start, end = curve.points[0][0], curve.points[-1][0]
    top = max(curve.peak_bytes, 1.0)
    low = min(0.0, *(count for _, count in curve.points))
    height, floor = 200, 170

    def at(seconds: float, count: float) -> tuple[float, float]:
        across = (seconds - start) / max(end - start, 1e-9)
        return _LEFT + across * (_WIDTH - _LEFT), floor - (count - low) / (top - low) * (floor - 15)

    shades = [
        element(
            "rect",
            x=f"{at(a, 0)[0]:.1f}",
            y=10,
            width=f"{max(1.0, at(b, 0)[0] - at(a, 0)[0]):.1f}",
            height=floor - 10,
            class_="call",
        )
        for a, b in curve.calls
    ]
    line = " ".join("{:.1f},{:.1f}".format(*at(*point)) for point in curve.points)
    texts = [
        element("text", format_bytes(top), x=_LEFT - 6, y=22, text_anchor="end"),
        element("text", "0 B", x=_LEFT - 6, y=f"{at(start, 0)[1]:.1f}", text_anchor="end"),
        element(
            "text",
            f"{len(curve.calls)} calls (shaded) in {format_seconds(end - start)}",
            x=_LEFT,
            y=height - 8,
        ),
    ]
    return element(
        "svg",
        *shades,
        element("polyline", points=line, class_="curve"),
        *texts,
        viewBox=f"0 0 {_WIDTH} {height}",
        class_="plot",
        role="img",
        aria_label=f"Memory over time; at most {format_bytes(curve.peak_bytes)} more than before.",
    )


def phase_bar(phases: list[Phase], longest_s: float) -> Markup:
    """Return the phases one after the other, on the scale of the longest call shown."""
    parts: list[Content] = []
    x = 0.0
    for index, phase in enumerate(phases):
        width = phase.time_s / longest_s * _WIDTH
        if width >= _NARROWEST:
            text = f"{phase.name} {format_seconds(phase.time_s)}"
            label = text if len(text) * _LETTER < width else _label(phase.name, width)
            box = element(
                "rect", x=f"{x:.1f}", y=0, width=f"{width:.1f}", height=34, class_=f"f{index}"
            )
            shown = label and element("text", label, x=f"{x + 4:.1f}", y=22)
            parts.append(element("g", element("title", text), box, shown))
        x += width
    return element("svg", *parts, viewBox=f"0 0 {_WIDTH} 34", class_="plot", aria_hidden="true")
