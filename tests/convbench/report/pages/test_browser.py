"""The published report in a real browser that can reach nothing but the report's own server."""

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

# Far more than it takes, for machines that are busy.
WITHIN_S = 120
METHODS = ("direct", "fft", "native", "compiled")
OWN_PAGES = ("answer.html", "crossover.html", "roofline.html", "accuracy.html")
ASV_PAGES = (
    "index.html#/",
    "index.html#/summarylist",
    "index.html#/regressions",
    "index.html#conv2d.Forward.time_forward",
)


def test_the_browser_has_no_network(browser) -> None:
    # A page that asks for something elsewhere is caught by the next test only if this works.
    browser.open("crossover.html")
    script = "return fetch('https://example.com/').then(() => 'reached', () => 'refused')"
    assert browser.driver.execute_script(script) == "refused"
    assert "https://example.com/" in browser.requests()
    assert browser.driver.get_log("browser")


@pytest.mark.parametrize("page", [*OWN_PAGES, *ASV_PAGES])
def test_no_request_leaves_the_origin_and_nothing_fails(browser, page) -> None:
    browser.open(page)
    asked = browser.requests()
    assert asked
    assert [url for url in asked if not url.startswith((browser.origin, "data:"))] == []
    assert browser.driver.get_log("browser") == []
    assert "error.html" not in browser.driver.current_url


def test_asvs_graph_is_drawn(browser) -> None:
    browser.open("index.html#conv2d.Forward.time_forward")
    WebDriverWait(browser.driver, WITHIN_S).until(lambda _: browser.visible("#main-graph canvas"))


def test_every_page_is_reached_from_asvs_navigation_bar_and_leads_back(browser) -> None:
    for page in OWN_PAGES:
        browser.open("index.html#/")
        (link,) = browser.visible(f"#nav a[href='{page}']")
        link.click()
        assert browser.driver.current_url.endswith(page)
        assert browser.visible("h1")
        browser.visible("nav a[href^='index.html']")[0].click()
        browser.settle()
        assert browser.visible("#summarygrid-display")


def test_the_map_shows_one_view_and_the_selectors_change_it(browser) -> None:
    browser.open("crossover.html")
    assert len(browser.visible("section")) == 1
    assert len(browser.visible("section td .box")) == 9
    direction = Select(browser.visible("select[name=direction]")[0])
    before = browser.visible("td .box")[4].text
    direction.select_by_visible_text("backward")
    (heading,) = browser.visible("section h2")
    assert "backward" in heading.text
    assert browser.visible("td .box")[4].text != before
    assert "direction=backward" in browser.driver.current_url
    # float64 was measured forward alone: the page says what it shows instead.
    Select(browser.visible("select[name=dtype]")[0]).select_by_visible_text("float64")
    assert browser.visible("#status")[0].text.startswith(
        "Not measured together: direction backward"
    )
    assert Select(browser.visible("select[name=direction]")[0]).first_selected_option.text == (
        "forward"
    )


def test_the_map_can_be_read_and_followed_by_keyboard(browser) -> None:
    browser.open("crossover.html")
    boxes = browser.visible("td .box")
    browser.driver.execute_script("arguments[0].focus()", boxes[0])
    assert len(browser.visible(".detail")) == 1
    browser.driver.switch_to.active_element.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_DOWN)
    assert browser.driver.switch_to.active_element == boxes[4]
    (detail,) = browser.visible(".detail")
    assert detail.text.startswith("input 128, filter 7x7")
    browser.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert browser.visible(".detail") == []


def test_a_cell_leads_to_its_own_graph(browser) -> None:
    browser.open("crossover.html")
    browser.visible("td .box")[4].click()
    browser.settle()
    WebDriverWait(browser.driver, WITHIN_S).until(lambda _: browser.visible("#main-graph canvas"))
    chosen = browser.visible("#graphdisplay-navigation .btn.active")
    assert {"'compiled'", "128", "7"} <= {button.text for button in chosen} | {
        f"'{button.text}'" for button in chosen
    }


def test_the_roofline_has_a_mark_and_a_fraction_for_each_measured_cell(browser) -> None:
    browser.open("roofline.html")
    # Nine cells by four methods, of which direct has no value in one, and nobody says why.
    assert len(browser.visible(".plot .mark")) == 9 * 4 - 1
    # A level line has no height, which Selenium takes for invisible.
    limits = browser.driver.find_elements(By.CSS_SELECTOR, "section:not([hidden]) .plot g > .limit")
    assert len(limits) == 9
    cells = [cell.text for cell in browser.visible("section > .scroll td")]
    assert sum("%" in text for text in cells) == 9 * 4 - 1
    assert cells.count("not run") == 1


def test_accuracy_has_time_error_and_memory_for_each_cell(browser) -> None:
    browser.open("accuracy.html")
    rows = browser.visible("section tbody tr")
    assert len(rows) == 9
    (last,) = [row for row in rows if row.text.startswith("256, 15x15")]
    texts = [cell.text for cell in last.find_elements(By.TAG_NAME, "td")]
    methods = [heading.text for heading in browser.visible("section th[scope=colgroup]")]
    of = {method: texts[3 * n : 3 * n + 3] for n, method in enumerate(methods)}
    assert of["direct"] == ["not run", "-", "-"]
    assert of["fft"] == ["786 us *", "3.0e-07", "512 KiB *"]


@pytest.mark.parametrize("page", ["roofline.html", "accuracy.html"])
def test_the_first_column_stays_in_sight_and_the_best_method_comes_next(browser, page) -> None:
    browser.open(page)
    (scroll,) = browser.visible("section .scroll:has(> table)")
    places = """
      const [scroll, left] = arguments;
      scroll.style.width = "20rem";
      scroll.scrollLeft = left;
      const row = scroll.querySelector("tbody tr:last-child");
      return ["th", "td"].map((name) => row.querySelector(name).getBoundingClientRect().left);
    """
    heading, value = browser.driver.execute_script(places, scroll, 0)
    after = browser.driver.execute_script(places, scroll, 150)
    assert after == pytest.approx([heading, value - 150], abs=1.0)  # half of a border
    names = [found.text for found in browser.visible("section thead th") if found.text in METHODS]
    # `fft` is the first of those that are fastest in five of nine cells, `compiled` in four.
    assert names == ["fft", "compiled", "native", "direct"]


@pytest.mark.parametrize("page", ["roofline.html", "accuracy.html"])
def test_at_1400_pixels_nothing_scrolls_away(browser, page) -> None:
    browser.open(page)
    for shown in (*browser.visible("section .scroll"), *browser.visible("html")):
        wide = "return arguments[0].scrollWidth - arguments[0].clientWidth"
        assert browser.driver.execute_script(wide, shown) == 0


def _ratio(first: str, second: str) -> float:
    """Return the contrast of two CSS colours, as WCAG 2 defines it."""

    def luminance(colour: str) -> float:
        channels = [int(c) / 255 for c in colour[colour.index("(") + 1 : -1].split(",")[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


_COLOURS = """
const background = (node) => {
  for (; node; node = node.parentElement) {
    const colour = getComputedStyle(node).backgroundColor;
    if (!colour.startsWith("rgba(0, 0, 0, 0")) return colour;
  }
  return "rgb(255, 255, 255)";
};
return [...document.querySelectorAll("body *")]
  .filter((node) => node.checkVisibility() && [...node.childNodes].some(
    (child) => child.nodeType == 3 && child.data.trim()))
  .filter((node) => !node.closest("svg, script, style, option"))
  .map((node) => [node.textContent.trim().slice(0, 40), getComputedStyle(node).color,
                  background(node)]);
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", OWN_PAGES)
def test_text_stands_out_in_light_and_dark(browser, page, scheme) -> None:
    emulated = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", emulated)
    browser.open(page)
    seen = browser.driver.execute_script(_COLOURS)
    assert len(seen) > 20
    is_dark = _ratio(seen[0][2], "rgb(0, 0, 0)") < 3
    assert is_dark == (scheme == "dark")
    assert [entry for entry in seen if _ratio(entry[1], entry[2]) < 4.5] == []
