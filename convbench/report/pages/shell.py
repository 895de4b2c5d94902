"""The frame around every page of ours: navigation, selectors, conditions, one section a view."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convbench.drawing.markup import Content, Markup, element, join
from convbench.drawing.style import ASSETS, tints_css
from convbench.files.atomic import replacing
from convbench.results.grid import View
from convbench.results.source import Source

FOLDER = "convbench"
AXES = ("machine", "run", "family", "direction", "dtype", "layout", "threads")
_TITLES = {"run": "commit", "family": "benchmark"}


@dataclass(frozen=True)
class Page:
    """One page of the report."""

    file: str
    title: str
    lead: str
    """What it answers, a sentence or two under the heading."""


@dataclass(frozen=True)
class Section:
    """What a page shows of one view of one run."""

    source: Source
    view: View
    content: Markup

    @property
    def keys(self) -> dict[str, str]:
        """The value of each selector that leads here."""
        view, source = self.view, self.source
        values = (view.family, view.direction, view.dtype, view.layout, view.threads)
        return dict(zip(AXES, (source.run.machine, source.label, *values), strict=True))


def _conditions(source: Source, dtype: str) -> Markup:
    pairs = [
        element("div", element("dt", name), element("dd", value))
        for name, value in [*source.provenance(), ("dtype", dtype)]
    ]
    return element("dl", *pairs, class_="conditions")


def _section(section: Section) -> Markup:
    heading = element("h2", str(section.view))
    data = {f"data_{axis}": value for axis, value in section.keys.items()}
    conditions = _conditions(section.source, section.view.dtype)
    return element("section", heading, conditions, section.content, **data)


def _selectors(sections: list[Section]) -> Markup:
    fields = []
    for axis in AXES:
        values = list(dict.fromkeys(section.keys[axis] for section in sections))
        options = [element("option", value) for value in values]
        label = _TITLES.get(axis, axis)
        # A choice of one is no choice, but a script need not know that: it is there, and hidden.
        fields.append(
            element("label", label, element("select", *options, name=axis), hidden=len(values) < 2)
        )
    return element("form", *fields, id="selectors", aria_label="What to show")


def _navigation(current: Page, pages: tuple[Page, ...]) -> Markup:
    def link(page: Page) -> Markup:
        here = "page" if page is current else None
        return element("a", page.title, href=page.file, aria_current=here)

    grid = element("a", "Benchmark grid", href="index.html#/")
    first, *others = pages
    return element("nav", link(first), grid, *map(link, others), aria_label="Report")


def render(page: Page, pages: tuple[Page, ...], sections: list[Section]) -> str:
    """Return the HTML of one page; `pages` are all that the navigation offers."""
    if sections:
        status = element("p", "", id="status", role="status")
        body = [_selectors(sections), status, *map(_section, sections)]
    else:
        body = [element("p", "No results yet: `make report` measures and publishes them.")]
    return framed(page, pages, body, [f"{FOLDER}/pages.js"])


def framed(page: Page, pages: tuple[Page, ...], body: Sequence[Content], scripts: list[str]) -> str:
    """Return the HTML of a page with this content under its heading, and these scripts."""
    head = join(
        Markup('<meta charset="utf-8">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<meta name="color-scheme" content="light dark">'),
        element("title", f"{page.title} - fftconv benchmarks"),
        Markup('<link rel="icon" href="swallow.ico">'),
        Markup(f'<link rel="stylesheet" href="{FOLDER}/tints.css">'),
        Markup(f'<link rel="stylesheet" href="{FOLDER}/pages.css">'),
        *[element("script", src=script, defer=True) for script in scripts],
    )
    main = element("main", element("h1", page.title), element("p", page.lead, class_="lead"), *body)
    content = join(element("head", head), element("body", _navigation(page, pages), main))
    return f"<!doctype html>\n{element('html', content, lang='en')}\n"


def write_assets(html_dir: Path) -> None:
    """Put the style and the script of the pages beside them."""
    shutil.copytree(ASSETS, html_dir / FOLDER, dirs_exist_ok=True)
    write(html_dir / FOLDER / "tints.css", tints_css())


def write(target: Path, text: str) -> None:
    """Write a file whole."""
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8")
