"""The answer page in a real browser: what it says is what `fftconv.plan` says."""

import json
import math
import random
from urllib.parse import urlencode

import pytest
import torch
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

import fftconv

# What a page between the figures of a grid may be off from the model itself.
_CLOSE = 1.15
_ANSWERED = """
const [address, done] = arguments;
const answer = () => done([
  document.getElementById("method").dataset.forward,
  document.getElementById("code").textContent,
  document.getElementById("problem").textContent,
]);
if (location.hash === "#" + address) { answer(); return; }
addEventListener("hashchange", () => setTimeout(answer, 0), { once: true });
location.hash = address;
"""


def ask(browser, **question: object) -> tuple[dict[str, float], str, str]:
    """Return the seconds of the output by each method, the line of code, and what is wrong."""
    address = urlencode({"d": "output", "t": "all", "dtype": "float32", "machine": "", **question})
    found, code, problem = browser.driver.execute_async_script(_ANSWERED, address)
    seconds = {m: math.inf if s is None else s for m, s in json.loads(found).items()}
    return seconds, code, problem


def _log_uniform(dice: random.Random, low: float, high: float) -> int:
    return round(low * (high / low) ** dice.random())


def questions(count: int, seed: int) -> list[dict[str, object]]:
    dice, found = random.Random(seed), []
    for _ in range(count):
        height = _log_uniform(dice, 16, 1024)
        width = round(height * dice.uniform(0.6, 1.0))
        channels = {"n": 1, "ci": 1, "co": 1, "g": 1}
        kind = dice.choice(("image", "image", "dense", "depthwise"))
        if kind == "dense":
            channels = {"n": dice.choice((1, 4, 16)), "ci": dice.choice((3, 16, 64)), "g": 1}
            channels["co"] = dice.choice((1, 16, 64))
        elif kind == "depthwise":
            channels = dict.fromkeys(("ci", "co", "g"), dice.choice((3, 32, 96))) | {"n": 1}
        taps = min(_log_uniform(dice, 1, 15) * 2 + 1, width, 31 if kind != "image" else 63)
        found.append(
            {
                "h": height,
                "w": width,
                "k": taps,
                **channels,
                "dtype": "float32" if kind != "image" else dice.choice(("float32", "float64")),
                "t": dice.choice(("all", "1")),
            }
        )
    return found


def regret(browser, question: dict[str, object]) -> float:
    """Return by what factor the plan's own choice is predicted faster than the page's."""
    n, ci, co, g, h, w, k = (int(str(question[name])) for name in ("n", "ci", "co", "g", *"hwk"))
    before = torch.get_num_threads()
    torch.set_num_threads(before if question["t"] == "all" else 1)
    try:
        planned = fftconv.plan(
            (n, ci, h, w),
            (co, ci // g, k, k),
            groups=g,
            dtype=getattr(torch, str(question["dtype"])),
        )
    finally:
        torch.set_num_threads(before)
    found, code, problem = ask(browser, **question)
    assert problem == ""
    method = min(found, key=found.__getitem__)
    assert f'method="{method}"' in code
    seconds = planned.seconds["forward"]
    assert set(found) == set(seconds)
    return seconds[method] / min(seconds.values())


def check(browser, count: int, seed: int) -> None:
    browser.open("answer.html")
    found = {str(q): regret(browser, q) for q in questions(count, seed)}
    worst = max(found, key=found.__getitem__)
    assert sum(value <= _CLOSE for value in found.values()) >= 0.9 * count, found
    # The worst are small images far from square: the grids are of square ones.
    assert found[worst] <= 3, worst


def test_it_says_what_the_plan_says(browser) -> None:
    check(browser, 12, seed=1)


@pytest.mark.slow
def test_it_says_what_the_plan_says_of_two_hundred_shapes(browser) -> None:
    check(browser, 200, seed=2)


def test_the_report_opens_on_it_and_asvs_grid_is_one_click_away(browser) -> None:
    browser.open("index.html")
    browser.settle()
    assert browser.driver.current_url.startswith(f"{browser.origin}/answer.html")
    links = browser.visible("nav a")
    assert links[0].get_attribute("aria-current") == "page"
    links[1].click()
    browser.settle()
    assert browser.visible("#summarygrid-display")
    first = browser.visible("#nav li > a")[0]
    assert first.text == "What should I call?"


def test_its_address_carries_the_question(browser) -> None:
    browser.open("answer.html")
    (height,) = browser.visible("input[name=h]")
    height.clear()
    height.send_keys("300")
    Select(browser.visible("select[name=d]")[0]).select_by_value("gradients")
    address = browser.driver.current_url.split("/")[-1]
    assert "h=300" in address
    assert "d=gradients" in address
    answer = browser.visible("#result")[0].text
    assert "(1, 1, 300, 512)" in answer
    browser.open(address)
    assert browser.visible("#result")[0].text == answer


def test_it_shows_ranges_near_cells_and_where_the_lead_changes(browser) -> None:
    browser.open("answer.html#h=256&w=256&k=7&machine=bench-machine")
    rows = browser.visible("#methods tbody tr")
    assert rows[0].text.startswith("auto")
    head = [cell.text for cell in browser.visible("#methods thead th")]
    compiled = next(row for row in rows if row.text.startswith("compiled"))
    values = [cell.text for cell in compiled.find_elements(By.TAG_NAME, "td")]
    shown = dict(zip(head[1:], values, strict=True))
    assert " to " in shown["range"]
    assert shown["measured / predicted nearby"].count("x") == 3
    assert shown["error nearby"] == "1.0e-7"
    cells = [row.text for row in browser.visible("#nearest tbody tr")]
    assert len(cells) == 3
    assert cells[0].startswith("256x256, 7x7, float32")
    assert browser.visible("#chart .plot")
    browser.visible("#nearest tbody a")[0].click()
    assert "index.html#conv2d.Forward.time_forward" in browser.driver.current_url


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"h": 8, "k": 9}, "The filter is larger than the image."),
        ({"ci": 4, "co": 4, "g": 3}, "Groups have to divide the channels in and out."),
        ({"n": 0}, "batch is a whole number from 1 up."),
        ({"h": 1.5}, "height is a whole number from 1 up."),
    ],
)
def test_what_makes_no_sense_is_said_in_a_sentence(browser, question, said) -> None:
    browser.open("answer.html#h=64&w=64&k=3")
    assert ask(browser, **question)[2] == said


def test_it_fits_a_phone(browser) -> None:
    phone = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    try:
        browser.open("answer.html")
        wide = "return document.documentElement.scrollWidth"
        assert browser.driver.execute_script(wide) <= phone["width"]
        assert browser.visible("#code")
    finally:
        browser.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
