"""A page in one HTML file that needs no other."""

from convbench.drawing.markup import Content, Markup, element, join
from convbench.drawing.style import ASSETS, tints_css


def scroll(content: Markup) -> Markup:
    """Return what is wider than a narrow window, to be scrolled there, by keyboard too."""
    return element("div", content, class_="scroll", tabindex="0", role="region", aria_label="Wide")


def document(title: str, css: str, *content: Content) -> str:
    """Return a page under its title.

    Parameters
    ----------
    title
        What the page is called, and begins with.
    css
        What it needs beside the sheet of all pages.
    content
        What follows the title.
    """
    sheet = (ASSETS / "pages.css").read_text(encoding="utf-8")
    head = join(
        Markup('<meta charset="utf-8">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<link rel="icon" href="data:,">'),
        element("title", title),
        Markup(f"<style>\n{tints_css()}{sheet}{css}\n</style>"),
    )
    body = element("main", element("h1", title), *content)
    page = element("html", join(element("head", head), element("body", body)), lang="en")
    return f"<!doctype html>\n{page}\n"
