"""`convbench repeat` on another project's asv suite: one commit, measured by asv again."""

import json

import pytest


@pytest.mark.slow
def test_one_commit_is_measured_again_by_asv(convbench, project, tmp_path) -> None:
    """It asks pip's index for what asv puts into its environment."""
    file = tmp_path / "runs.jsonl"
    perf = project / "perf"
    done = convbench(
        perf,
        "repeat",
        "--machine",
        "m",
        "--bench",
        r"several|time_work\(2000",
        "--output",
        str(file),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    samples = [json.loads(line) for line in file.read_text().splitlines()]
    assert {(sample["run"], sample["cell"]) for sample in samples} == {
        (number, cell)
        for number in (1, 2)
        for cell in ("loops.time_several", "loops.Work.time_work(2000, 'plain')")
    }
    assert all(sample["seconds"] > 0 for sample in samples)
    # Its results are its own: the project's get no more than the list of benchmarks.
    assert not list((perf / ".asv" / "results").glob("*/*-*.json"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-E", "existing"), "in no existing one"),
        (("--config", "no.json"), "--config no.json is no file"),
    ],
)
def test_what_cannot_be_measured_is_one_line_and_2(convbench, project, arguments, said) -> None:
    done = convbench(project / "perf", "repeat", *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
