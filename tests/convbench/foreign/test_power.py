"""`convbench power` on another project's asv suite: the gate, and a slowdown in the benchmark."""

import json

import pytest

from convbench.gate.asv_cell import repeated

CELL = "loops.time_several"


@pytest.mark.parametrize(("share", "made"), [(0.0, 100), (0.03, 103), (0.5, 150), (1.0, 200)])
def test_a_share_of_the_calls_is_made_twice(share, made) -> None:
    calls = []
    slower = repeated(calls.append, share + 1e-9)
    for call in range(100):
        slower(call)
    assert len(calls) == made


@pytest.mark.slow
def test_the_gate_is_tried_on_known_slowdowns(convbench, project, tmp_path) -> None:
    file = tmp_path / "trials.jsonl"
    done = convbench(
        project / "perf",
        *("power", "-E", "existing", "--cell", CELL, "--output", str(file)),
        *("--repetitions", "1", "--slowdowns", "0,100", "--budget", "40s"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    trials = [json.loads(line) for line in file.read_text().splitlines()]
    said = {trial["task"]["share"]: trial["verdicts"] for trial in trials}
    assert said[1.0] == {"gate": "slowdown"}
    assert said[0.0] != {"gate": "slowdown"}
    assert {path.name for path in project.iterdir()} == {
        *(".git", ".gitignore", "perf", "pyproject.toml", "src")
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--cell names the cell"),
        (("--cell", "loops.timeraw_import"), "each call is in a process that asv makes"),
        (("--cell", CELL, "--tools", "asv"), "--tools can only try the gate"),
        (("--cell", CELL, "--config", "no.json"), "--config no.json is no file"),
    ],
)
def test_what_cannot_be_tried_is_one_line_and_2(convbench, project, arguments, said) -> None:
    done = convbench(project / "perf", "power", "-E", "existing", *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
