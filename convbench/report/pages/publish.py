"""Write every page of ours into the folder that asv has just published."""

from pathlib import Path

from asv.benchmarks import Benchmarks
from asv.config import Config

from convbench.drawing.markup import Markup, element, join
from convbench.limits.machine import read_limits
from convbench.report.accuracy.section import accuracy_section
from convbench.report.answer.measured import machines
from convbench.report.answer.predicted import exported
from convbench.report.answer.section import answer_body, data_script
from convbench.report.crossover.section import crossover_section
from convbench.report.pages.shell import (
    FOLDER,
    Page,
    Section,
    framed,
    render,
    write,
    write_assets,
)
from convbench.report.roofline.section import roofline_section
from convbench.results.grid import ALL_THREADS
from convbench.results.source import Source, sources

ANSWER = Page(
    "answer.html",
    "What should I call?",
    "Say what is to be convolved: the page answers at once, with what each method is predicted to "
    "take and what was measured nearby. Its address carries the question.",
)
CROSSOVER = Page(
    "crossover.html",
    "Crossover",
    "Which method is fastest for which image and filter, how many times faster than native, and "
    "in what time. Hover or focus a cell for every method; a click leads to its history.",
)
ROOFLINE = Page(
    "roofline.html",
    "Roofline",
    "How far each method is from what this machine can do at best. Each mark leads to its history.",
)
ACCURACY = Page(
    "accuracy.html",
    "Accuracy and memory",
    "What the speed costs: error against float64 and peak memory beside time, for the same cells.",
)
PAGES = (ANSWER, CROSSOVER, ROOFLINE, ACCURACY)
"""As the navigation has them; the first stands before asv's own pages."""

_FIRST_ANCHOR = '<li id="nav-li-" class="active">'
_NAVIGATION_ANCHOR = '<li id="nav-li-graphdisplay">'
# Whoever opens the report without saying what he wants gets the answer page. asv's own views all
# have a hash in their address.
_FIRST_PAGE = Markup(
    f"<script>if (!location.hash) location.replace({ANSWER.file!r} + location.search);</script>"
)


def _crossover(found: list[Source]) -> list[Section]:
    return [
        Section(source, grid.view, crossover_section(grid))
        for source in found
        for grid in source.grids
    ]


def _roofline(found: list[Source]) -> list[Section]:
    return [
        Section(source, grid.view, roofline_section(grid, read_limits(source.run)))
        for source in found
        for grid in source.grids
        if grid.view.threads == ALL_THREADS  # as the limits are
    ]


def _accuracy(found: list[Source]) -> list[Section]:
    return [
        Section(source, grid.view, accuracy_section(grid))
        for source in found
        for grid in source.grids
    ]


def link_from_asv(index: str) -> str:
    """Return asv's `index.html` with our pages in its navigation bar.

    Raises
    ------
    ValueError
        The bar is not where this version of asv has it.
    """
    for anchor in (_FIRST_ANCHOR, _NAVIGATION_ANCHOR, "<head>"):
        if index.count(anchor) != 1:
            raise ValueError(
                f"asv's index.html has {index.count(anchor)} places that read {anchor!r}, not one: "
                "it is laid out in a new way"
            )
    # Three more entries would make the bar two rows high in a narrow window, over the page.
    style = Markup(
        "<style>@media (max-width:1300px){#nav{right:0;float:none}"
        "#nav>ul{display:flex;overflow-x:auto;float:none}#nav>ul>li{flex:none}"
        "#nav>ul>li>a{padding-left:8px;padding-right:8px}}</style>"
    )
    first, *links = [element("li", element("a", page.title, href=page.file)) for page in PAGES]
    linked = index.replace(_NAVIGATION_ANCHOR, f"{join(*links)}\n        {_NAVIGATION_ANCHOR}")
    linked = linked.replace(_FIRST_ANCHOR, f"{first}\n        {_FIRST_ANCHOR}")
    linked = linked.replace("<head>", f"<head>{_FIRST_PAGE}")
    return linked.replace("</head>", f"{style}</head>", 1)


def _publish_answer(html_dir: Path, found: list[Source]) -> None:
    predicted, measured = exported(), machines(found)
    write(html_dir / FOLDER / "answer-data.js", data_script(predicted, measured))
    scripts = [f"{FOLDER}/answer-data.js", f"{FOLDER}/answer.js"]
    write(html_dir / ANSWER.file, framed(ANSWER, PAGES, answer_body(predicted, measured), scripts))


def publish_pages(conf: Config, benchmarks: Benchmarks) -> None:
    """Write the pages beside asv's `index.html`, and link to them from it."""
    html_dir = Path(conf.html_dir)
    found = sources(conf, benchmarks)
    write_assets(html_dir)
    contents = (
        (CROSSOVER, _crossover(found)),
        (ROOFLINE, _roofline(found)),
        (ACCURACY, _accuracy(found)),
    )
    for page, sections in contents:
        write(html_dir / page.file, render(page, PAGES, sections))
    _publish_answer(html_dir, found)
    index = html_dir / "index.html"
    write(index, link_from_asv(index.read_text(encoding="utf-8")))
