"""The built pages: complete, linked, and of nothing but their own files."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import fftconv

# Attributes by which a page makes a browser fetch something; a link is followed only by a person.
FETCHED = {
    ("script", "src"),
    ("link", "href"),
    ("img", "src"),
    ("img", "srcset"),
    ("source", "src"),
    ("iframe", "src"),
    ("object", "data"),
}
# Of these, relations that name a page and fetch nothing.
NAMED = {"search", "index", "next", "prev", "author", "canonical", "license"}


class Page(HTMLParser):
    """What a page fetches, links to, and can be linked to at."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.fetched: set[str] = set()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Sort the attributes of an element."""
        values = dict(attrs)
        for name, value in attrs:
            if name == "id" and value:
                self.anchors.add(value)
            elif (tag, name) == ("a", "href") and value:
                self.links.add(value)
            elif (tag, name) in FETCHED and value and values.get("rel") not in NAMED:
                self.fetched.add(value)


def is_foreign(address: str) -> bool:
    return bool(urlsplit(address).netloc) or urlsplit(address).scheme in ("http", "https")


@pytest.fixture(scope="module")
def pages(built: Path) -> dict[Path, Page]:
    shells = built / "_static"  # parts of pages that the theme brings
    return {
        path: Page(path) for path in sorted(built.rglob("*.html")) if shells not in path.parents
    }


def test_no_page_fetches_anything_from_another_server(pages) -> None:
    assert [
        (path.name, address)
        for path, page in pages.items()
        for address in page.fetched
        if is_foreign(address)
    ] == []
    assert any(page.fetched for page in pages.values())


def test_no_style_fetches_anything_from_another_server(built) -> None:
    styles = sorted(built.rglob("*.css"))
    assert styles
    for style in styles:
        text = style.read_text(encoding="utf-8")
        addresses = re.findall(r"url\(\s*['\"]?([^'\")]+)", text)
        addresses += re.findall(r"@import\s+['\"]([^'\"]+)", text)
        assert [address for address in addresses if is_foreign(address)] == []


def test_a_foreign_source_would_be_found(tmp_path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        '<link rel="stylesheet" href="//example.invalid/a.css"><a href="https://example.invalid">'
        '<script src="https://example.invalid/a.js"></script><link rel="next" href="b.html">'
    )
    found = Page(page).fetched
    assert found == {"//example.invalid/a.css", "https://example.invalid/a.js"}
    assert all(map(is_foreign, found))


def test_each_link_within_the_pages_leads_somewhere(pages) -> None:
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            known = pages.get(target)
            fragment = unquote(parts.fragment)
            if not target.exists() or (known and fragment and fragment not in known.anchors):
                broken.append((path.name, link))
    assert broken == []


def test_each_public_name_has_its_entry_in_the_reference(pages) -> None:
    public = {name for name in vars(fftconv) if isinstance(getattr(fftconv, name), type)} | {
        name for name, value in vars(fftconv).items() if callable(value)
    }
    anchors = set().union(*(page.anchors for page in pages.values()))
    assert {name for name in public if f"fftconv.{name}" not in anchors} == set()


def test_what_an_example_printed_stands_in_its_page(built) -> None:
    assert "largest error:" in (built / "examples" / "tiles.html").read_text(encoding="utf-8")


def test_what_a_command_prints_stands_in_the_pages(built) -> None:
    commands = (built / "reference" / "commands.html").read_text(encoding="utf-8")
    assert "usage: python -m convbench" in commands
    assert "make report" in commands


def test_no_page_names_the_folder_that_it_was_made_in(built, pages) -> None:
    made_in = str(built.parent)
    assert [page.name for page in pages if made_in in page.read_text(encoding="utf-8")] == []
