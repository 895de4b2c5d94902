"""The built pages in a real browser, opened as files: on a desk and on a phone, light and dark."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,  # another process builds the pages once more for it
    pytest.mark.skipif(
        CHROMIUM is None or DRIVER is None,
        reason="needs chromium and chromedriver on the PATH; nothing is downloaded for a test",
    ),
]
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
WIDTHS = (1400, 390)
THEMES = ("light", "dark")
# Contrast of text as WCAG has it: 4.5 for what is read.
LUMINANCE = """
const of = (element, property) => getComputedStyle(element).getPropertyValue(property);
const light = colour => {
  const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map(Number).map(value => value / 255)
    .map(value => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const text = light(of(document.querySelector("article p"), "color"));
const behind = light(of(document.body, "background-color"));
return (Math.max(text, behind) + 0.05) / (Math.min(text, behind) + 0.05);
"""


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield browser
    browser.quit()


def written(built: Path) -> list[Path]:
    """Return the pages that somebody wrote or that an example made."""
    made = {built / "_static", built / "_modules"}
    return [page for page in sorted(built.rglob("*.html")) if not made & set(page.parents)]


def show(driver: webdriver.Chrome, page: Path, width: int, theme: str) -> None:
    scheme = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme)
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.get(page.as_uri())


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_is_wider_than_the_window(driver, built, width) -> None:
    wide = []
    for page in written(built):
        show(driver, page, width, "light")
        if driver.execute_script("return document.documentElement.scrollWidth") > width:
            wide.append(page.name)
    assert wide == []


@pytest.mark.parametrize("theme", THEMES)
def test_text_can_be_read(driver, built, theme) -> None:
    for name in ("index.html", "how-to/choose.html", "examples/tiles.html"):
        show(driver, built / name, WIDTHS[0], theme)
        assert driver.execute_script("return document.documentElement.dataset.theme") == theme
        assert driver.execute_script(LUMINANCE) >= 4.5


def test_no_page_asks_a_server_for_anything(driver, built) -> None:
    for page in written(built):
        show(driver, page, WIDTHS[0], "light")
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    asked = {
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    }
    assert any(address.startswith("file:") for address in asked)
    assert {address for address in asked if address.startswith(("http:", "https:", "ws"))} == set()
