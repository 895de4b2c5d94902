"""What the pages are made of, without a browser."""

import pytest

from convbench.drawing.markup import Markup, element, join, table
from convbench.report.pages.publish import PAGES, link_from_asv


def test_text_is_escaped_and_markup_is_not() -> None:
    link = element("a", "x < y", href="?a=1&b='2'", class_="box", aria_label='say "it"')
    assert link == (
        '<a href="?a=1&amp;b=&#x27;2&#x27;" class="box" aria-label="say &quot;it&quot;">'
        "x &lt; y</a>"
    )
    assert join(link, "<", None, Markup("<br>")) == link + "&lt;<br>"


def test_attributes_without_a_value() -> None:
    assert element("p", hidden=True, id=None, title=False) == "<p hidden></p>"


def test_table_has_headings() -> None:
    made = table(["a", "b"], [["r", "1"]], class_="plain")
    assert made.count('scope="col"') == 2
    assert '<th scope="row">r</th><td>1</td>' in made


def test_links_go_before_the_graphs_title() -> None:
    changed = link_from_asv(
        '<head><ul><li id="nav-li-" class="active"></li><li id="nav-li-graphdisplay">x</li></ul>'
    )
    assert changed.index(PAGES[0].file) < changed.index('nav-li-"')
    for page in PAGES:
        assert changed.index(f'href="{page.file}"') < changed.index("nav-li-graphdisplay")


@pytest.mark.parametrize("index", ["<ul></ul>", '<li id="nav-li-graphdisplay">' * 2])
def test_another_layout_of_asvs_page_is_noticed(index) -> None:
    with pytest.raises(ValueError, match="laid out in a new way"):
        link_from_asv(index)
