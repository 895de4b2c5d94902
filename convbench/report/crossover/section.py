"""The map as a part of a page."""

from benchmarks.layer_cases import LAYERS
from convbench.drawing.markup import Content, Markup, element, join, table
from convbench.drawing.palette import tint_index
from convbench.report.crossover.lead import Standing, changes_text, lines, standing
from convbench.report.winners import Winner
from convbench.results.grid import AUTO, Grid, Measurement, history_link
from convbench.results.quantities import format_bytes, format_error, format_interval, format_seconds


def _detail_row(measurement: Measurement, fastest_s: float) -> list[Content]:
    record, error, peak = measurement.time, measurement.error, measurement.peak_bytes
    tail: list[Content] = [
        "-" if error is None else format_error(error),
        "-" if peak is None else format_bytes(peak),
    ]
    if record is None or record.skipped:
        return [measurement.method, record.absence if record else "-", "-", *tail]
    link = element("a", measurement.method, href=history_link(record))
    return [
        link,
        format_interval(record.value, record.interval),
        f"{record.paced / fastest_s:.3g}",
        *tail,
    ]


def _detail(shown: Standing, title: str) -> Markup:
    """Return what a cell shows of itself on hover and focus: every method, with its history."""
    if shown.winner is None:
        text = f"{title}: no method has a time."
        return element("div", element("p", text), class_="detail")
    fastest_s = shown.place.methods[shown.winner.method].paced_s
    assert fastest_s is not None
    methods = sorted(shown.place.methods.values(), key=lambda m: m.paced_s or float("inf"))
    head: list[Content] = ["method", "time", "ratio to fastest", "error", "extra memory"]
    rows = [_detail_row(method, fastest_s) for method in methods if method.time is not None]
    caption = element("p", f"{title}. A method leads to its history over commits.")
    return element("div", caption, table(head, rows), class_="detail")


def _doubt(best: Winner) -> str:
    if best.unknown:
        return f"{', '.join(best.unknown)}: disturbed"
    if best.tied:
        return f"= {best.runner_up} within noise"
    return f"{', '.join(best.pending)}: not run"


def _label(shown: Standing) -> list[Content]:
    best = shown.winner
    if best is None:
        return [element("span", "no time")]
    speedup, auto = shown.speedup_over_native, shown.auto_ratio
    gain = "native not measured" if speedup is None else f"{speedup:.3g}x native"
    return [
        element("b", best.method),
        element("span", "is native" if best.method == "native" else gain),
        element("span", format_seconds(best.time_s)),
        None if auto is None else element("em", f"auto takes {auto:.2f}x"),
        None if best.decided else element("em", _doubt(best)),
    ]


def _cell(shown: Standing, row: str, tints: dict[str, int]) -> Markup:
    best, taps = shown.winner, shown.place.filter_size
    record = None
    if best is not None:
        record = shown.place.methods[best.method].time
    address = None if record is None else history_link(record)
    tint = "" if best is None else f" m{tints[best.method]}"
    box = element("a", *_label(shown), href=address, class_="box", tabindex="0")
    detail = _detail(shown, f"input {row}, filter {taps}x{taps}")
    return element("td", box, detail, class_=f"cell{tint}")


def _overlay(grid: Grid) -> Markup:
    """Return the lines where the lead changes, in units of columns and rows."""
    parts: list[Content] = []
    for points in lines(grid).values():
        # Layers have no order that a line could follow.
        ordered = all(row.isdigit() for row in grid.rows)
        path = " ".join(f"{x:.3f},{y + 0.41:.2f}" for x, y, _ in points)
        parts.append(element("polyline", points=path) if ordered else None)
        for x, y, crossing in points:
            kind = "tick" if crossing.sure else "tick unsure"
            parts.append(element("line", x1=x, x2=x, y1=y + 0.32, y2=y + 0.5, class_=kind))
    box = f"0 0 {len(grid.filters)} {len(grid.rows)}"
    return element(
        "svg", *parts, viewBox=box, preserveAspectRatio="none", aria_hidden="true", class_="overlay"
    )


def _row_name(row: str) -> list[Content]:
    """Return the heading of a row: an image's size, or a layer's name and what it takes."""
    if row.isdigit():
        return [f"{row}x{row}"]
    layer = LAYERS.get(row)
    if layer is None:
        return [row]
    size = f"{layer.batch}x{layer.in_channels}x{layer.size}x{layer.size}"
    return [row, element("small", f"{size} to {layer.out_channels} channels")]


def crossover_section(grid: Grid) -> Markup:
    """Return the map of one view, with the crossing filter size of each image as a line."""
    tints = tint_index(grid.methods)
    head = element(
        "tr",
        element("th", "input", scope="col"),
        *[element("th", f"filter {k}x{k}", scope="col") for k in grid.filters],
        element("th", "the lead changes, at filter size", scope="col", class_="changes"),
    )
    rows = []
    for row in grid.rows:
        cells = [
            _cell(standing(grid.places[row, k]), row, tints)
            if (row, k) in grid.places
            # Not in the suite at all, as off the diagonal of float64.
            else element("td", "not in the suite", class_="cell none")
            for k in grid.filters
        ]
        heading = element("th", *_row_name(row), scope="row")
        rows.append(
            element(
                "tr",
                heading,
                *cells,
                element("td", changes_text(grid, row, "; "), class_="changes"),
            )
        )
    caption = element("caption", f"Fastest method by input and filter size, in pixels: {grid.view}")
    columns = f"--columns:{len(grid.filters)};--rows:{len(grid.rows)}"
    heat_map = element("table", caption, element("thead", head), element("tbody", *rows))
    made = element("div", heat_map, _overlay(grid), class_="map", style=columns)
    return join(element("div", made, class_="map-scroll"), _legend(grid, tints))


def _legend(grid: Grid, tints: dict[str, int]) -> Markup:
    ranked = [method for method in grid.methods if method != AUTO]
    keys = [element("li", method, class_=f"m{tints[method]}") for method in ranked]
    return join(
        element("ul", *keys, class_="legend", aria_label="Colour of each method"),
        element(
            "p",
            "Bar at the foot of a row: the filter size from which another method is the fastest, "
            "times interpolated between the measured sizes; dashed where the noise can explain one "
            "of the two wins. The method auto, which picks a method, takes no rank: its time is "
            "given as a multiple of the fastest. The thin line joins the bars of one pair.",
        ),
    )
