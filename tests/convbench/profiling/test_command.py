"""`convbench profile` from end to end: every file it promises, and the difference of two."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SMALL = ("--input", "64", "--filter", "5")


def profile(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "convbench", "profile", *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "160"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_two_methods_side_by_side(tmp_path) -> None:
    done = profile(
        *("--method", "fft", "--against", "native", *SMALL, "--backward", "--threads", "1"),
        *("--channels", "2,4", "--groups", "2", "--out", str(tmp_path)),
    )
    assert done.returncode == 0, done.stderr
    for name, method in (("baseline", "native"), ("contender", "fft")):
        folder = tmp_path / name
        numbers = json.loads((folder / "profile.json").read_text())
        assert numbers["cell"]["method"] == method
        assert numbers["threads"] == 1
        assert numbers["median_s"] > 0
        total_s = sum(phase["time_s"] for phase in numbers["phases"])
        assert total_s == pytest.approx(numbers["traced_s"], rel=0.02)
        assert json.loads((folder / "flamegraph.speedscope.json").read_text())["profiles"]
        assert json.loads((folder / "trace.json").read_text())["traceEvents"]
        assert (folder / "memory.csv").read_text().startswith("seconds,bytes\n")
    by_name = {phase["name"]: phase for phase in numbers["phases"]}  # of fft
    assert by_name["transform"]["time_s"] > 0
    assert by_name["inverse"]["flops"] > 0
    assert by_name["kernel"]["events"] == 0
    page = (tmp_path / "profile.html").read_text()
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert 'href="baseline/trace.json"' in page
    for word in ("difference by phase", "native backward", "fft backward", "torch", "threads 1"):
        assert word in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--method", "fft", "--input", "8", "--filter", "9"), "filter 9 is larger than input 8"),
        (("--method", "abacus", *SMALL), "abacus"),
        (("--method", "fft", *SMALL, "--commit", "no-such-commit"), "no such commit"),
    ],
)
def test_what_cannot_be_profiled_is_said_in_one_line(tmp_path, arguments, message) -> None:
    done = profile(*arguments, "--out", str(tmp_path / "out"))
    assert done.returncode == 1
    assert done.stderr.startswith("convbench profile: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_channels_are_in_and_out(tmp_path) -> None:
    done = profile("--method", "fft", *SMALL, "--channels", "a,b")
    assert done.returncode == 2
    assert "'a,b' is neither IN nor IN,OUT" in done.stderr
