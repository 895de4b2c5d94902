"""The study's books: trials on disk, rates, the replay, and what `--show` prints."""

import json
import random
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convbench.command_line.failure import CommandError
from convbench.power.rates import rates
from convbench.power.replay import replay_once, replayed
from convbench.power.text import markdown
from convbench.power.trials import FOUND, NOT_FOUND, Task, Trial, append, plan, read
from convbench.stats.judging import Verdict
from convbench.stats.rates import Rate

ROOT = Path(__file__).parents[3]
CELL = "conv2d.Forward.time_forward('fft', 128, 7)"


def trial(tool: str, share: float, repetition: int, said: str, *pairs: float) -> Trial:
    task = Task(tool, share, repetition)
    return Trial(task, CELL, 120.0, 50.0, {tool: said}, pairs, (3.0,) * len(pairs))


def gate_trials(share: float, count: int = 4) -> list[Trial]:
    rng = np.random.default_rng(round(1000 * share))
    said = FOUND if share else NOT_FOUND
    return [
        trial("gate", share, n, said, *(float(np.log1p(share)) + rng.normal(0.0, 0.01, 12)))
        for n in range(count)
    ]


def power(*arguments: str, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "convbench", "power", *arguments],
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def study(tmp_path) -> Path:
    path = tmp_path / "trials.jsonl"
    for share in (0.0, 0.05):
        for one in gate_trials(share):
            append(path, one)
        append(path, trial("asv", share, 0, NOT_FOUND))
    return path


def test_trials_are_read_as_they_were_written(tmp_path) -> None:
    path = tmp_path / "folder" / "trials.jsonl"
    written = [*gate_trials(0.03), trial("asv", 0.0, 0, NOT_FOUND)]
    for one in written:
        append(path, one)
    assert read(path) == written


@pytest.mark.parametrize("line", ["{", "{}", "[]", '"text"', '{"version": 2}'])
def test_a_line_that_is_no_trial_is_named(study, line) -> None:
    with study.open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(CommandError, match="line 11, is no trial of a study"):
        read(study)


def test_a_study_that_is_stopped_early_has_tried_everything_about_as_often() -> None:
    tasks = plan(("gate", "asv"), (0.0, 0.05), 3, seed=1)
    assert len(set(tasks)) == len(tasks) == 12
    assert [task.repetition for task in tasks] == [0] * 4 + [1] * 4 + [2] * 4
    assert tasks == plan(("gate", "asv"), (0.0, 0.05), 3, seed=1)
    orders = [[(t.tool, t.share) for t in tasks if t.repetition == n] for n in range(3)]
    assert orders[0] != orders[1] or orders[1] != orders[2]


def test_more_repetitions_go_on_where_fewer_ended() -> None:
    few, more = (plan(("gate",), (0.0, 0.05), n, seed=1) for n in (2, 4))
    assert more[: len(few)] == few


def test_rates_are_counted_with_wilsons_interval() -> None:
    trials = [trial("asv", 0.0, n, FOUND if n < 1 else NOT_FOUND) for n in range(10)]
    rate = rates(trials)["asv"][0.0]
    assert (rate.found, rate.trials, rate.value) == (1, 10, 0.1)
    assert rate.interval == pytest.approx((0.0179, 0.4042), abs=1e-4)  # Wilson (1927)


def test_what_is_inconclusive_is_no_find_and_is_counted() -> None:
    said = [FOUND, NOT_FOUND, "inconclusive", "failed"]
    rate = rates([trial("gate", 0.0, n, text) for n, text in enumerate(said)])["gate"][0.0]
    assert rate == Rate(1, 4, 2, 50.0)


def test_the_replay_finds_what_the_pairs_show_and_nothing_else() -> None:
    again = replayed([*gate_trials(0.0), *gate_trials(0.05)], 200)
    assert again[0.0].value <= 0.02
    assert again[0.05].value >= 0.98
    assert again == replayed([*gate_trials(0.0), *gate_trials(0.05)], 200)


def test_too_few_pairs_are_not_replayed() -> None:
    assert replayed([trial("gate", 0.0, 0, NOT_FOUND, 0.01, 0.02)]) == {}


def test_a_replay_ends_with_the_budget() -> None:
    dice = random.Random(1)
    assert replay_once([0.0], 30.0, 120.0, 20.0, dice) is Verdict.INCONCLUSIVE  # three pairs


def test_the_table_and_the_figure(study, tmp_path) -> None:
    figures = [tmp_path / f"{name}.svg" for name in "ab"]
    for figure in figures:
        done = power("--show", str(study), "--figure", str(figure))
        assert done.returncode == 0, done.stderr
    shown = " ".join(done.stdout.split())
    for text in ("│ gate, │", "│ replayed │", "4/4", "0/1", "0 to 79%", "50 s", CELL.split("(")[0]):
        assert text in shown
    assert figures[0].read_bytes() == figures[1].read_bytes()
    assert ">gate, replayed</text>" in figures[0].read_text()


def test_the_table_as_markdown(study) -> None:
    lines = power("--show", str(study), "--format", "markdown").stdout.splitlines()
    assert "| injected | 0 | +5% | time |" in lines
    assert "| gate | 0/4, 0 to 49% | 4/4, 51 to 100% | 50 s |" in lines
    assert [line.split(" | ")[0] for line in lines[4:]] == ["| gate", "| gate, replayed", "| asv"]


def test_the_table_says_how_many_trials_left_it_open_and_rounds_no_chance_away() -> None:
    some = {0.0: Rate(1, 2000, 3, 50.0), 0.05: Rate(1990, 2000, 0, 50.0)}
    *_, line = markdown({"gate": some}).splitlines()
    assert line == "| gate | 1/2000 (3 open), 0.0 to 0.3% | 1990/2000, 99.1 to 99.7% | 50 s |"


def test_trials_of_two_cells_are_not_added_up(study) -> None:
    fields = json.loads(study.read_text().splitlines()[0])
    with study.open("a") as file:
        file.write(json.dumps({**fields, "cell": "another"}) + "\n")
    done = power("--show", str(study))
    assert done.returncode == 1
    assert "several cells or budgets" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--tools", "abacus"), 2, "'abacus' is no list of gate, asv, asv-interleaved, pyperf"),
        (("--slowdowns", "lots"), 2, "'lots' is no list of percents"),
        (("--repetitions", "0"), 2, "'0' is no number from 1"),
        (("--show", "no-such-file"), 1, "no-such-file: No such file or directory"),
        (("--cell", "spectrum.Forward.time_forward"), 2, "the study is of cells of conv2d.Forward"),
    ],
)
def test_what_makes_no_sense_is_one_line(arguments, status, message) -> None:
    done = power(*arguments)
    assert done.returncode == status
    assert message in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_trials_under_other_settings_are_neither_continued_nor_counted_together(
    study, tmp_path, monkeypatch
) -> None:
    other = replace(trial("gate", 0.0, 9, NOT_FOUND), settings="NUMBA_OPT=0")
    append(study, other)
    shown = power("--show", str(study))
    assert shown.returncode == 1
    assert "or under several settings" in shown.stderr
    shutil.copy(ROOT / "asv.conf.json", tmp_path)
    alone = tmp_path / "alone.jsonl"
    append(alone, replace(other, cell="conv2d.Forward.time_forward('fft', 64, 3)"))
    cell = ("--cell", "conv2d.Forward.time_forward('fft', 64, 3)")
    begun = power("--output", str(alone), *cell, cwd=tmp_path)
    assert begun.returncode == 2
    assert "other settings (NUMBA_OPT=0) than there are now (none)" in begun.stderr
