"""`convbench profile` from end to end: every file it promises, and the difference of two."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SMALL = ("--input", "64", "--filter", "5")


def profile(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "convbench", "profile", *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "160", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_two_methods_side_by_side(tmp_path) -> None:
    done = profile(
        *("--method", "fft", "--against", "native", *SMALL, "--backward", "--threads", "1"),
        *("--channels", "2,4", "--groups", "2", "--out", str(tmp_path)),
        NUMBA_OPT="2",
    )
    assert done.returncode == 0, done.stderr
    assert "NUMBA_OPT=2" in done.stdout
    for name, method in (("baseline", "native"), ("contender", "fft")):
        folder = tmp_path / name
        numbers = json.loads((folder / "profile.json").read_text())
        assert numbers["settings"]["NUMBA_OPT"] == "2"
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


@pytest.mark.slow
def test_new_memory_is_counted_and_what_a_call_takes_without_it(tmp_path) -> None:
    for variables, fewest, most in (
        ({}, 1000, 10_000),
        ({"MALLOC_TRIM_THRESHOLD_": "4294967296", "MALLOC_MMAP_MAX_": "0"}, 0, 31),
    ):
        done = profile(
            *("--method", "native", "--input", "512", "--filter", "3", "--backward"),
            *("--out", str(tmp_path)),
            **variables,
        )
        assert done.returncode == 0, done.stderr
        numbers = json.loads((tmp_path / "profile.json").read_text())
        assert fewest <= numbers["new_pages"] <= most
        assert (numbers["kept_s"] is None) is bool(variables)
        said = "pages a call; " if not variables else "pages a call"
        assert said in done.stdout.replace("\n", " ")
        assert "<dt>new memory</dt>" in (tmp_path / "profile.html").read_text()


@pytest.mark.slow
def test_two_commits_side_by_side(tmp_path) -> None:
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    done = profile(
        *("--method", "native", "--against-commit", "HEAD", *SMALL, "--threads", "1"),
        *("--out", str(tmp_path)),
    )
    assert done.returncode == 0, done.stderr
    commits = [
        json.loads((tmp_path / name / "profile.json").read_text())["commit"]
        for name in ("baseline", "contender")
    ]
    assert commits == [head[:8], "working tree"]
    page = (tmp_path / "profile.html").read_text()
    assert page.index("Baseline: native forward") < page.index("Contender: native forward")
    for word in (f"commit {head[:8]}", "commit working tree", "fastest call, not traced"):
        assert word in done.stdout
    _assert_speedscope_opens(tmp_path / "contender" / "flamegraph.speedscope.json")
    _assert_perfetto_opens(tmp_path / "contender" / "trace.json")


def _assert_speedscope_opens(path: Path) -> None:
    """Check what speedscope's file-format-schema.json asks for, and that events nest."""
    data = json.loads(path.read_text())
    assert data["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    frames = data["shared"]["frames"]
    assert all(isinstance(frame["name"], str) for frame in frames)
    (shown,) = data["profiles"]
    assert shown["type"] == "evented"
    assert shown["unit"] == "microseconds"
    assert shown["startValue"] <= shown["events"][0]["at"]
    opened: list[int] = []
    last = shown["startValue"]
    for event in shown["events"]:
        assert last <= event["at"] <= shown["endValue"]
        last = event["at"]
        if event["type"] == "O":
            opened.append(event["frame"])
        else:
            assert event["type"] == "C"
            assert opened.pop() == event["frame"]
    assert opened == []
    assert len(frames) > 3


def _assert_perfetto_opens(path: Path) -> None:
    """Check the fields of Chrome's trace event format that Perfetto reads."""
    events = json.loads(path.read_text())["traceEvents"]
    complete = [event for event in events if event["ph"] == "X"]
    assert len(complete) > 10
    for event in complete:
        assert {"name", "ts", "dur", "pid", "tid"} <= event.keys()
        assert event["dur"] >= 0


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--method", "fft", "--input", "8", "--filter", "9"), 2, "filter 9 is larger than input"),
        (("--method", "fft", *SMALL, "--channels", "3", "--groups", "2"), 2, "the 2 groups"),
        (("--method", "abacus", *SMALL), 2, "abacus"),
        (("--method", "fft", "--input", "9999999", "--filter", "9"), 1, "memory"),
        (("--method", "fft", *SMALL, "--commit", "no-such"), 2, "'no-such' names no commit"),
    ],
)
def test_what_cannot_be_profiled_is_one_line(tmp_path, arguments, status, message) -> None:
    done = profile(*arguments, "--out", str(tmp_path / "out"))
    assert done.returncode == status
    assert done.stderr.startswith("convbench profile: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--channels", "a,b", "'a,b' is neither IN nor IN,OUT"),
        ("--channels", "0", "'0' is neither IN nor IN,OUT"),
        ("--input", "0", "'0' is no side in pixels"),
        ("--batch", "-1", "'-1' is no number of images"),
        ("--threads", "0", "'0' is no number of threads"),
        ("--threads", "100000", "'100000' is no number of threads, 1 to 1024"),
    ],
)
def test_what_is_no_size_is_said_at_once(option, value, message) -> None:
    done = profile("--method", "fft", *SMALL, option, value)
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("asked", "threads"), [pytest.param(2, 2, marks=pytest.mark.slow), (None, 1)]
)
def test_a_number_of_threads_that_is_asked_for_outweighs_a_quota(tmp_path, asked, threads) -> None:
    code = (
        "import torch; torch.set_num_threads(2)\n"
        "from benchmarks import quota\n"
        "quota.cores_allowed = lambda root: 1.9\n"
        "from convbench.profiling.worker import main; main()"
    )
    spec = {"method": "native", "input_size": 16, "filter_size": 3, "threads": asked}
    environment = {name: text for name, text in os.environ.items() if "NUM_THREADS" not in name}
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps({"spec": spec, "trace": str(tmp_path / "trace.json")}),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    last = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")][-1]
    assert last["result"]["threads"] == threads
