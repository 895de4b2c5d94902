"""A small repository with results that were made up, published by the real `asv publish`."""

import http.server
import itertools
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from asv.benchmarks import Benchmarks
from asv.config import Config
from asv.results import Results
from asv.runner import BenchmarkResult
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

ROOT = Path(__file__).parents[4]
MACHINE = "bench-machine"
METHODS = ("direct", "fft", "native", "compiled")
SIZES = (64, 128, 256)
FILTERS = (3, 7, 15)
_GRID = (METHODS, SIZES, FILTERS)
_DIAGONAL = (METHODS, ("64/3", "128/7"))
_DIRECTED = (("forward", "backward"), *_GRID)
_NAMES = ("method", "input", "filter")

# name: (type, unit, parameter names, parameter values)
SUITE: dict[str, tuple[str, str, tuple[str, ...], tuple[tuple[object, ...], ...]]] = {
    "conv2d.Forward.time_forward": ("time", "seconds", _NAMES, _GRID),
    "conv2d.Backward.time_backward": ("time", "seconds", _NAMES, _GRID),
    "conv2d.ForwardFloat64.time_forward": (
        *("time", "seconds"),
        ("method", "input/filter"),
        _DIAGONAL,
    ),
    "conv2d.Accuracy.track_error": ("track", "relative error", ("direction", *_NAMES), _DIRECTED),
    "conv2d.Memory.peakmem_call": ("peakmemory", "bytes", ("direction", *_NAMES), _DIRECTED),
    "package.Reference.peakmem_nothing": ("peakmemory", "bytes", (), ()),
    "package.Reference.track_threads": ("track", "threads", (), ()),
    "limits.Copy.track_copy": ("track", "seconds", ("bytes",), ((2**14, 2**20, 2**26),)),
    "limits.Multiply.track_multiply_add": (
        *("track", "seconds"),
        ("dtype",),
        (("float32", "float64"),),
    ),
    "limits.Transform.track_rfft2": (
        *("track", "seconds"),
        ("dtype", "size"),
        (("float32", "float64"), (64, 256, 1024)),
    ),
}


def made_up(name: str, values: dict[str, object]) -> float:
    """Return a value such that every kind of cell occurs: wins, ties, crossings, skips."""
    if name.startswith("package."):
        return 2 if name.endswith("threads") else 200e6
    if name.startswith("limits."):
        return _limit(name, values)
    if "input/filter" in values:
        size, taps = (int(number) for number in str(values["input/filter"]).split("/"))
    else:
        size, taps = int(str(values["input"])), int(str(values["filter"]))
    if values["method"] == "direct" and (size, taps) == (256, 15):
        return float("nan")
    if name.endswith("track_error"):
        return 1e-7 if values["method"] != "fft" else 3e-7
    if name.endswith("peakmem_call"):
        return 200e6 + 8.0 * size**2
    factor = 2 if "backward" in name or values.get("direction") == "backward" else 1
    macs = ((size - taps + 1) * taps) ** 2
    # Size 64 is a tie of compiled and fft at every filter.
    per_mac = {"direct": 1e-9, "native": 4e-10, "compiled": 2e-10, "fft": 0.0}[
        str(values["method"])
    ]
    if size == 64:
        per_mac = per_mac if values["method"] in ("direct", "native") else 1e-10
        return factor * macs * per_mac
    return factor * (macs * per_mac if values["method"] != "fft" else 1.2e-8 * size**2)


def _limit(name: str, values: dict[str, object]) -> float:
    if "copy" in name:
        return 1e-7 + 2 * int(str(values["bytes"])) / 2e10
    if "multiply" in name:
        return 2e9 / 1e11
    size = int(str(values["size"]))
    return 1e-6 + size**2 * 3e-9


def _benchmarks(conf: Config) -> Benchmarks:
    listed = [
        {
            "name": name,
            "type": kind,
            "unit": unit,
            "code": "",
            "version": "1",
            "param_names": list(names),
            "params": [[repr(value) for value in axis] for axis in axes],
        }
        for name, (kind, unit, names, axes) in SUITE.items()
    ]
    return Benchmarks(conf, listed)


def _result(name: str) -> BenchmarkResult:
    kind, _, names, axes = SUITE[name]
    values = [
        made_up(name, dict(zip(names, cell, strict=True))) for cell in itertools.product(*axes)
    ]
    timed = [kind == "time" and value == value for value in values]
    spread = [1 + 0.001 * step for step in range(-5, 6)]
    samples = [
        [value * factor for factor in spread] if measured else None
        for value, measured in zip(values, timed, strict=True)
    ]
    numbers = [1 if measured else None for measured in timed]
    return BenchmarkResult(values, samples, numbers, 0, "", None)


def _git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def _write_results(folder: Path, commits: list[str]) -> None:
    conf = Config.from_json(
        {"version": 1, "project": "fftconv", "repo": ".", "results_dir": str(folder / "results")}
    )
    (folder / "results" / MACHINE).mkdir(parents=True)
    facts = {"machine": MACHINE, "cpu": "A processor", "num_cpu": "2", "version": 1}
    (folder / "results" / MACHINE / "machine.json").write_text(json.dumps(facts))
    benchmarks = _benchmarks(conf)
    benchmarks.save()
    for number, commit in enumerate(commits):
        results = Results(
            {**facts, "python": "3.11"},
            {"torch": "2.13.0", "numpy": "2.4.6"},
            commit,
            1_700_000_000_000 + number,
            "3.11",
            "virtualenv-py3.11",
            {},
        )
        for name in SUITE:
            results.add_result(benchmarks[name], _result(name), record_samples=True)
        results.save(str(folder / "results"))


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a repository of two commits with results of both, laid out as this one."""
    folder = tmp_path_factory.mktemp("repository")
    for room in ("convbench", "benchmarks"):
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "asv.conf.json", folder)
    _git(folder, "init", "-q", "-b", "main")
    _git(folder, "add", "asv.conf.json")
    commits = []
    for message in ("First", "Second"):
        _git(folder, "commit", "-q", "--allow-empty", "-m", message)
        commits.append(_git(folder, "rev-parse", "HEAD"))
    _write_results(folder, commits)
    return folder


@pytest.fixture(scope="session")
def published(repository: Path) -> Path:
    """Return the folder that `asv publish` wrote."""
    done = subprocess.run(
        [sys.executable, "-m", "asv", "publish"], cwd=repository, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return repository / ".asv" / "html"


@pytest.fixture(scope="session")
def origin(published: Path) -> Iterator[str]:
    """Return the address of a server on this machine that serves the published folder."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    handler = partial(Quiet, directory=str(published))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
DRIVER = shutil.which("chromedriver")

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--window-size=1400,1000"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
# Far more than it takes, for machines that are busy.
WITHIN_S = 120


class Browser:
    """A headless browser that notes every request and every message."""

    def __init__(self, origin: str) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = str(CHROMIUM)
        for flag in FLAGS:
            options.add_argument(flag)
        logs = {"browser": "ALL", "performance": "ALL"}
        options.set_capability("goog:loggingPrefs", logs)
        self.driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        self.origin = origin

    def open(self, page: str) -> None:
        """Load a page afresh and wait until nothing is on its way."""
        self.driver.get("about:blank")
        self.requests()
        self.driver.get_log("browser")
        self.driver.get(f"{self.origin}/{page}")
        self.settle()

    def settle(self) -> None:
        """Wait until the page is loaded and jQuery, where there is any, waits for nothing."""
        idle = "return document.readyState == 'complete' && (!window.jQuery || !jQuery.active)"
        WebDriverWait(self.driver, WITHIN_S).until(lambda driver: driver.execute_script(idle))

    def requests(self) -> list[str]:
        """Return the addresses that were asked for since the last call."""
        events = [
            json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")
        ]
        return [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]

    def visible(self, selector: str) -> list[Any]:
        """Return the elements that a reader sees."""
        found = self.driver.find_elements(By.CSS_SELECTOR, selector)
        return [element for element in found if element.is_displayed()]


@pytest.fixture(scope="module")
def browser(origin: str) -> Iterator[Browser]:
    """Return a browser for the tests of one module; nothing is downloaded for them."""
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("needs chromium and chromedriver on the PATH")
    opened = Browser(origin)
    yield opened
    opened.driver.quit()
    opened.driver.service.stop()
