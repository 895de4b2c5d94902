"""The judge's plugin in another project's asv.conf.json: its pages, and the steps it names."""

import json
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from asv.benchmarks import Benchmarks
from asv.config import Config
from asv.results import Results
from asv.runner import BenchmarkResult

from convbench.confirm.findings import Finding, add_findings, findings_file
from convbench.confirm.steps import State, read_steps
from convbench.repository.git import git

MACHINE = "steady"
COMMITS = 6
# name: (type, parameters, usual value, how many times more from the slow commit on)
SUITE = {
    "loops.time_several": ("time", [], 1e-3, 2.0),
    "loops.time_of": ("time", [["<function f>", "[1, 2]"]], 1e-3, 1.0),
    "loops.timeraw_import": ("time", [], 1e-2, 2.0),
    "loops.peakmem_large": ("peakmemory", [], 2e8, 1.3),
}


def measured(perf: Path, commits: list[str], slow: int) -> None:
    """Write what asv would have measured, in its own form."""
    conf = Config.from_json({"repo": "..", "results_dir": str(perf / ".asv" / "results")})
    listed = [
        {"name": name, "type": kind, "unit": "seconds", "code": "", "version": "1"}
        | {"param_names": [f"p{n}" for n in range(len(axes))], "params": axes}
        for name, (kind, axes, *_) in SUITE.items()
    ]
    benchmarks = Benchmarks(conf, listed)
    folder = Path(conf.results_dir, MACHINE)
    folder.mkdir(parents=True)
    facts = {"machine": MACHINE, "cpu": "A processor", "num_cpu": "2", "version": 1}
    (folder / "machine.json").write_text(json.dumps(facts))
    benchmarks.save()
    noise = random.Random(MACHINE)
    for number, commit in enumerate(commits):
        results = Results(facts, {}, commit, 1_700_000_000_000 + number, "3.11", "env", {})
        for name, (_, axes, usual, factor) in SUITE.items():
            cells = len(axes[0]) if axes else 1
            value = usual * (factor if number >= slow else 1.0) * noise.uniform(1, 1.001)
            result = BenchmarkResult(
                [value] * cells, [[value] * 3] * cells, [None] * cells, 0, "", None
            )
            results.add_result(benchmarks[name], result, record_samples=True)
        results.save(conf.results_dir)


@pytest.fixture
def history(project) -> tuple[Path, list[str]]:
    """Give the project a history that steps up at its commit `slower`, and the plugin."""
    perf = project / "perf"
    identity = ("-c", "user.name=n", "-c", "user.email=e")
    commits = []
    for start in ("base", "slower"):
        git(project, "checkout", "--quiet", "--detach", start)
        if commits:
            git(project, "checkout", "--quiet", commits[-1])
            git(project, *identity, "cherry-pick", "slower")
            commits.append(git(project, "rev-parse", "HEAD").strip())
        for number in range(COMMITS):
            git(project, *identity, "commit", "-q", "--allow-empty", "-m", f"{start} {number}")
            commits.append(git(project, "rev-parse", "HEAD").strip())
    git(project, "checkout", "--quiet", "-B", "main")
    text = (perf / "asv.conf.json").read_text()
    named = text.replace('"version": 1,', '"version": 1, "plugins": [".convbench.asv_plugin"],')
    (perf / "asv.conf.json").write_text(named)
    measured(perf, commits, COMMITS)
    return perf, commits


def published(perf: Path, environment: dict[str, str]) -> Path:
    done = subprocess.run(
        [sys.executable, "-m", "asv", "publish"],
        cwd=perf,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return perf / ".asv" / "html"


def named(html: Path) -> set[str]:
    return {
        entry[0] for entry in json.loads((html / "regressions.json").read_text())["regressions"]
    }


def test_publishing_needs_no_network_and_names_what_is_confirmed(history, environment) -> None:
    perf, commits = history
    html = published(perf, environment)
    index = (html / "index.html").read_text()
    assert not re.search(r"<(script|link)\b[^>]*https?://", index)
    assert (html / "vendor").is_dir()
    assert "fftconv" not in index
    states = {found.step.cell: found.state for found in read_steps(html)}
    assert states == {
        "loops.time_several": State.UNCHECKED,
        "loops.timeraw_import": State.UNCHECKED,
        "loops.peakmem_large": State.COUNTED,
    }
    assert named(html) == {"loops.peakmem_large"}
    assert all(found.step.is_time is ("time" in found.step.cell) for found in read_steps(html))

    step = commits[COMMITS - 1], commits[COMMITS]
    finding = Finding(1, "loops.time_several", *step, "slowdown", 2.0, 1.9, 2.1, 12, 60.0)
    add_findings(findings_file(perf / ".asv" / "results", MACHINE), [finding])
    assert named(published(perf, environment)) == {"loops.peakmem_large", "loops.time_several"}
    left = {path.name for path in perf.iterdir()}
    assert left <= {"asv.conf.json", "suite", "rich.py", ".asv", "__pycache__"}


def test_without_the_plugin_it_says_what_is_missing(convbench, project) -> None:
    done = convbench(project / "perf", "confirm")
    assert done.returncode == 2
    assert '".convbench.asv_plugin" in asv\'s `plugins`' in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_step_is_measured_again_and_named(convbench, history) -> None:
    perf, _ = history
    done = convbench(
        perf,
        *("confirm", "--machine", MACHINE, "-E", "existing", "--budget", "10m"),
        *("--bench", "several"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 confirmed" in done.stdout
    assert named(perf / ".asv" / "html") == {"loops.peakmem_large", "loops.time_several"}
