"""Instructions of two commits: the ratio and its words, without counting any."""

import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.instructions import Cell
from convbench.instructions import compare as comparing
from convbench.instructions.compare import compare
from convbench.instructions.comparison import BLIND_SPOTS, Comparison, markdown, print_table

ROOT = Path(__file__).parents[3]
CELL = Cell("native", 64, 3, "forward")


@pytest.mark.parametrize(
    ("baseline", "contender", "verdict"),
    [
        (1000, 1000, "same"),
        (1000, 1019, "same"),
        (1000, 1021, "more"),
        (1000, 979, "fewer"),
        (None, 1000, "on one side only"),
        (1000, None, "on one side only"),
        (None, None, "neither has it"),
    ],
)
def test_the_verdict(baseline, contender, verdict) -> None:
    assert Comparison(CELL, baseline, contender).verdict == verdict


def test_each_side_is_counted_with_its_own_package(monkeypatch) -> None:
    counts = {Path("old"): {CELL: 2000}, Path("new"): {CELL: 3000}}
    monkeypatch.setattr(comparing, "count", lambda folder, cells: counts[folder])
    (compared,) = compare(Path("old"), Path("new"), [CELL])
    assert compared.ratio == 1.5


def test_the_table_says_what_it_cannot_see() -> None:
    compared, names = [Comparison(CELL, 1000, 1500)], ("abcd1234", "working tree")
    console = Console(width=100)
    with console.capture() as capture:
        print_table(compared, names, console)
    printed = capture.get()
    for word in ("forward native 64/3", "1,500", "1.5000", "more", "working tree", "AVX-512"):
        assert word in printed
    written = markdown(compared, names)
    assert "| forward native 64/3 | 1,000 | 1,500 | 1.5000 | more |" in written
    assert BLIND_SPOTS in written


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ((), 2, "usage: python -m convbench instructions"),
        (("HEAD", "--cells", "("), 2, "no regular expression"),
        (("HEAD", "--cells", "abacus"), 2, "no cell matches --cells 'abacus' (has: forward"),
        (("no-such",), 2, "convbench instructions: 'no-such' names no commit of this repository"),
        (("HEAD", "no-such"), 2, "'no-such' names no commit of this repository"),
        (("--", "--output=x"), 2, "'--output=x' names no commit of this repository"),
    ],
)
def test_misuse_is_said(arguments, status, message) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "convbench", "instructions", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
