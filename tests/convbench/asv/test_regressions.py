"""asv's page of regressions, as asv.conf.json configures it, on a history that was made up."""

import json
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from asv.benchmarks import Benchmarks
from asv.config import Config
from asv.results import Results
from asv.runner import BenchmarkResult
from msgspec.structs import replace

from convbench.confirm.findings import Finding, add_findings, findings_file
from convbench.confirm.steps import State, open_steps, read_steps
from convbench.results.store import load_benchmarks, load_config

ROOT = Path(__file__).parents[3]
MACHINES = ("steady", "shared")
COMMITS, SLOW = 9, 5
# name: (type, usual value, noise, how many times more from the slow commit on)
SUITE = {
    "conv2d.Forward.time_slow": ("time", 1e-3, 0.1, 2.0),
    "conv2d.Forward.time_noisy": ("time", 1e-3, 0.1, 1.0),
    "conv2d.Forward.time_faint": ("time", 1e-3, 0.06, 1.1),
    "conv2d.Forward.time_creeping": ("time", 1e-3, 0.0, 1.0),
    "conv2d.Accuracy.track_error": ("track", 1e-6, 0.3, 1.0),
    "conv2d.Memory.peakmem_slow": ("peakmemory", 2e8, 0.005, 1.3),
    "instructions.Instructions.track_slow": ("track", 1e6, 0.002, 1.05),
    "limits.Copy.track_copy": ("track", 1e-6, 0.1, 3.0),
    "peers.Peers.time_forward": ("time", 1e-3, 0.1, 3.0),
}
FOUND = {name for name in SUITE if name.endswith("_slow")}
SLOW_TIME = "conv2d.Forward.time_slow"
FAINT_TIME = "conv2d.Forward.time_faint"
# It goes up a little with each commit: where the gate finds it slower, no history tells.
CREEPING_TIME, CULPRIT = "conv2d.Forward.time_creeping", 3


def _git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def _write_results(folder: Path, machine: str, commits: list[str]) -> None:
    conf = Config.from_json(
        {"version": 1, "project": "fftconv", "repo": ".", "results_dir": str(folder / "results")}
    )
    listed = [
        {"name": name, "type": kind, "unit": "seconds", "code": "", "version": "1"}
        | {"param_names": [], "params": []}
        for name, (kind, *_) in SUITE.items()
    ]
    benchmarks = Benchmarks(conf, listed)
    (folder / "results" / machine).mkdir(parents=True)
    facts = {"machine": machine, "cpu": "A processor", "num_cpu": "2", "version": 1}
    (folder / "results" / machine / "machine.json").write_text(json.dumps(facts))
    benchmarks.save()
    noise = random.Random(machine)
    own = {name: random.Random(machine + "faint") for name in (FAINT_TIME, CREEPING_TIME)}
    for number, commit in enumerate(commits):
        results = Results(facts, {}, commit, 1_700_000_000_000 + number, "3.11", "env", {})
        for name, (kind, usual, spread, factor) in SUITE.items():
            drawn = own.get(name, noise).uniform(1, 1 + spread)
            value = usual * (factor if number >= SLOW else 1.0) * drawn
            if name == CREEPING_TIME:
                value = usual * (1 + 0.01 * number)
            samples = [value] * 3 if kind == "time" else None
            result = BenchmarkResult([value], [samples], [None], 0, "", None)
            results.add_result(benchmarks[name], result, record_samples=True)
        results.save(str(folder / "results"))


def _publish(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "asv", "publish"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def history(tmp_path_factory) -> tuple[Path, list[str]]:
    """Publish a repository that two machines measured; return the pages and its commits."""
    folder = tmp_path_factory.mktemp("history")
    for room in ("convbench", "benchmarks"):
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    # The page of memory begins with a commit that this repository has: its second.
    _git(folder, "init", "-q", "-b", "main")
    commits = []
    for number in range(COMMITS):
        _git(folder, "commit", "-q", "--allow-empty", "-m", f"Commit {number}")
        commits.append(_git(folder, "rev-parse", "HEAD"))
    text = (ROOT / "asv.conf.json").read_text()
    first = re.search(r'"conv2d\\\\.Memory\\\\.": "([0-9a-f]{40})"', text)
    assert first is not None
    (folder / "asv.conf.json").write_text(text.replace(first[1], commits[1]))
    for machine in MACHINES:
        _write_results(folder, machine, commits)
    _publish(folder)
    return folder / ".asv" / "html", commits


def _named(html: Path, machine: str) -> list[list[Any]]:
    found = json.loads((html / "regressions.json").read_text())["regressions"]
    return [entry for entry in found if f"machine-{machine}" in entry[1]]


def test_what_repeats_is_named_and_a_time_is_not_before_it_was_checked(history) -> None:
    html, commits = history
    for machine in MACHINES:
        assert {entry[0] for entry in _named(html, machine)} == FOUND - {SLOW_TIME}
    steps = {(s.step.machine, s.step.cell): s for s in read_steps(html) if not s.step.faint}
    for machine in MACHINES:
        found = steps[machine, SLOW_TIME]
        assert found.state is State.UNCHECKED
        assert (found.step.before, found.step.after) == (commits[SLOW - 1], commits[SLOW])
        assert found.step.ratio == pytest.approx(2, rel=0.1)
        assert steps[machine, "conv2d.Memory.peakmem_slow"].state is State.COUNTED
    index = (html / "index.html").read_text()
    assert "unchecked: 2" in index
    assert SLOW_TIME in (html / "index.html").read_text()


def test_a_step_that_asv_does_not_find_is_left_to_the_gate(history) -> None:
    html, commits = history
    steps = {(s.step.machine, s.step.cell): s for s in read_steps(html) if not s.step.searched}
    for machine in MACHINES:
        found = steps[machine, FAINT_TIME]
        assert found.state is State.FAINT
        assert found.step.after == commits[SLOW]
        assert FAINT_TIME not in {entry[0] for entry in _named(html, machine)}
        assert found.step in open_steps(html, machine)
    below = (html / "index.html").read_text().split("convbench-steps")[1]
    assert FAINT_TIME not in below
    assert re.search(r"\d+ more are too faint for asv to find", below)


def test_the_slow_commit_is_named_once_the_gate_has_confirmed_it(history) -> None:
    html, commits = history
    folder = html.parents[1]
    verdicts = {"steady": "slowdown", "shared": "no slowdown"}
    for machine, verdict in verdicts.items():
        finding = Finding(
            *(1, SLOW_TIME, commits[SLOW - 1], commits[SLOW], verdict), 1.9, 1.8, 2.1, 12, 60.0
        )
        faint = replace(finding, cell=FAINT_TIME)
        add_findings(findings_file(folder / "results", machine), [finding, faint])
    _publish(folder)
    hashes = json.loads((html / "index.json").read_text())["revision_to_hash"]
    assert {entry[0] for entry in _named(html, "steady")} == {*FOUND, FAINT_TIME}
    assert {entry[0] for entry in _named(html, "shared")} == FOUND - {SLOW_TIME}
    index = (html / "index.html").read_text()
    assert "refuted: 1" in index
    assert "unchecked" not in index.split("convbench-steps")[1]
    feed = (html / "regressions.xml").read_text()
    assert feed.count(SLOW_TIME) > 0
    for machine in MACHINES:
        for _, _, _, _, _, _, jumps in _named(html, machine):
            ((before, after, *_),) = jumps
            assert before is None  # one commit, and no range
            assert hashes[str(after)] == commits[SLOW]


def test_the_gate_names_the_commit_that_a_history_does_not_show(history) -> None:
    """It is asked about the ends, then about halves, each time as the steps say."""
    html, commits = history
    folder = html.parents[1]
    asked: list[tuple[int, int]] = []
    while True:
        (step,) = [
            found.step for found in read_steps(html)
            if found.step.machine == "steady" and found.step.cell == CREEPING_TIME
            if found.step.searched
        ]  # fmt: skip
        pair = commits.index(step.before), commits.index(step.after)
        if pair in asked:
            break
        asked.append(pair)
        assert step in open_steps(html, "steady")
        assert CREEPING_TIME not in {entry[0] for entry in _named(html, "steady")}
        slower = pair[0] < CULPRIT <= pair[1]
        verdict = ("slowdown", 1.1, 1.08, 1.12) if slower else ("no slowdown", 1.0, 0.99, 1.01)
        finding = Finding(1, CREEPING_TIME, step.before, step.after, *verdict, 12, 60.0)
        add_findings(findings_file(folder / "results", "steady"), [finding])
        _publish(folder)
    assert asked == [(0, COMMITS - 1), (0, 4), (0, 2), (2, 3)]
    (entry,) = [entry for entry in _named(html, "steady") if entry[0] == CREEPING_TIME]
    ((before, after, low, high),) = entry[6]
    hashes = json.loads((html / "index.json").read_text())["revision_to_hash"]
    assert before is None
    assert hashes[str(after)] == commits[CULPRIT]
    assert high == pytest.approx(1.1 * low)  # as the gate found, whatever the history has there


def test_both_machines_are_in_one_report(history) -> None:
    html, _ = history
    assert set(json.loads((html / "index.json").read_text())["params"]["machine"]) == set(MACHINES)
    graphs = [str(path) for path in html.rglob("graphs/**/conv2d.Forward.time_noisy.json")]
    for machine in MACHINES:
        assert any(f"machine-{machine}" in path for path in graphs)


def test_each_benchmark_has_one_threshold_or_is_left_out() -> None:
    conf = load_config(ROOT / "asv.conf.json")
    left_out = [key for key, first in conf.regressions_first_commits.items() if first is None]
    for name in load_benchmarks(conf)._all_benchmarks:
        if any(re.match(key, name) for key in left_out):
            continue
        matching = [key for key in conf.regressions_thresholds if re.match(key, name)]
        assert len(matching) == 1, (name, matching)  # of several asv takes the largest


def test_the_first_commit_is_one_of_this_history() -> None:
    for first in load_config(ROOT / "asv.conf.json").regressions_first_commits.values():
        if first is not None and not (ROOT / ".git" / "shallow").exists():
            _git(ROOT, "merge-base", "--is-ancestor", first, "HEAD")
