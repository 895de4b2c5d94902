"""The judge's plugin in another project's asv.conf.json: its pages, and the steps it names."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from convbench.confirm.findings import Finding, add_findings, findings_file
from convbench.confirm.steps import State, read_steps

MACHINE = "steady"
COMMITS = 6


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
