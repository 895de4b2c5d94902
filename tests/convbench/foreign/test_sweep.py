"""`convbench sweep` of another project's asv suite: its workers use the judge that is installed."""

import json
import re

import pytest
from asv.results import Results

from convbench.confirm.findings import findings_file, read_findings
from convbench.repository.git import git

MACHINE = "steady"


@pytest.mark.slow
def test_commits_are_measured_and_nothing_is_left_in_the_project(convbench, project) -> None:
    """It asks pip's index for what asv puts into its environment."""
    perf = project / "perf"
    sweep = ("sweep", "--local", "1", "--machine", MACHINE, "--bench", "several|track")
    done = convbench(perf, *sweep, "--commits", "slower")
    assert done.returncode == 0, done.stdout + done.stderr
    found = {}
    for path in (perf / ".asv" / "results" / MACHINE).glob("*-*.json"):
        results = Results.load(str(path), machine_name=MACHINE)
        found[results.commit_hash] = {
            name: results._results[name] for name in results.get_all_result_keys()
        }
    base, slower = (git(project, "rev-parse", name).strip() for name in ("base", "slower"))
    assert {commit: of["loops.track_turns"] for commit, of in found.items()} == {
        base: [1],
        slower: [2],
    }
    assert all(of["loops.time_several"][0] > 0 for of in found.values())
    assert git(project, "status", "--porcelain") == ""
    assert {path.name for path in perf.iterdir()} == {"asv.conf.json", "suite", "rich.py", ".asv"}
    # Nothing is measured again.
    again = convbench(perf, *sweep, "--commits", "slower")
    assert again.returncode == 0, again.stdout + again.stderr
    assert again.stdout.count("has results") == 2


@pytest.mark.slow
def test_a_step_is_checked_on_a_worker(convbench, history) -> None:
    perf, _ = history
    # As a kind of host is known by what its results say of it.
    facts = json.loads((perf / ".asv" / "results" / MACHINE / "machine.json").read_text())
    done = convbench(
        perf,
        *("sweep", "--local", "1", "--confirm", "--machine", facts["machine"]),
        *("-E", "existing", "--bench", "several"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (finding,) = read_findings(findings_file(perf / ".asv" / "results", MACHINE)).values()
    assert finding.cell == "loops.time_several"
    assert finding.ratio is not None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--commits", "main", "-E", "existing"), "in no existing one"),
        (("--commits", "nothing"), "names no commits of this repository"),
        (("--confirm",), '".convbench.asv_plugin" in asv\'s `plugins`'),
        (("--power",), "--cell names the cell"),
        (("--power", "--cell", "loops.time_several", "--tools", "asv"), "can only try the gate"),
        (("--config", "no.json"), "--config no.json is no file"),
    ],
)
def test_what_cannot_be_swept_is_one_line_and_2(convbench, project, arguments, said) -> None:
    done = convbench(project / "perf", "sweep", "--local", "1", *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_suite_of_a_repository_elsewhere_is_refused(convbench, project, tmp_path) -> None:
    conf = project / "perf" / "asv.conf.json"
    text = re.sub(r'"repo": "[^"]*"', '"repo": "https://example.invalid/x.git"', conf.read_text())
    conf.write_text(text)
    done = convbench(project / "perf", "sweep", "--local", "1")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "a sweep is of the repository that the suite lies in" in done.stderr
    assert convbench(tmp_path, "sweep", "--local", "1").returncode == 2
