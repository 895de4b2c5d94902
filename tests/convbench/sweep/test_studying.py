"""The trials of a power study, on hosts: each comes back as `power` writes it, and once."""

import contextlib
import os
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from convbench.command_line.failure import CommandError, MisuseError
from convbench.power.asking import Tools
from convbench.power.study import Study, lacking
from convbench.power.trials import FOUND, NOT_FOUND, Task, Trial, append, read
from convbench.suite.facts import POWER_CELL
from convbench.sweep import item, trying
from convbench.sweep.dealing import Outcome
from convbench.sweep.hosts import Kind
from convbench.sweep.notes import notes_file, read_notes
from convbench.sweep.studying import Trials

CELL = "conv2d.Forward.time_forward('fft', 64, 3)"
STUDY = Study(CELL, 60.0, ("gate", "pyperf"), (0.0, 0.05), 2, 1, any_suite=False)


def kind(machine: str = "one") -> Kind:
    return Kind(f"of {machine}", machine, {"machine": machine}, ("host",))


def trial(task: Task, **facts: Any) -> Trial:
    said = FOUND if task.share else NOT_FOUND
    return Trial(task, CELL, 60.0, 55.0, {task.tool: said}, **facts)


@pytest.fixture(autouse=True)
def clone(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # the lock of a host of its own
    monkeypatch.setattr(item, "_end_with_input", lambda: None)
    for room in ("fftconv", "benchmarks"):  # as in a clone of this repository
        (tmp_path / room).mkdir()
    # Settings of whoever runs the tests are set back after an item has taken those it was given.
    monkeypatch.setattr(os, "environ", dict(os.environ))
    return tmp_path


@pytest.fixture
def asked(monkeypatch) -> list[tuple[Study, list[Task], list[Trial]]]:
    """Have trials made by a function, and return what was asked for."""
    made: list[tuple[Study, list[Task], list[Trial]]] = []

    @contextlib.contextmanager
    def of_this_suite(
        study: Study, tasks: list[Task], trials: list[Trial], *_: object
    ) -> Iterator[Tools]:
        made.append((study, tasks, list(trials)))
        yield dict.fromkeys(study.tools, lambda task: trial(task, pairs=(0.01,), pair_s=(3.0,)))

    monkeypatch.setattr(trying, "of_this_suite", of_this_suite)
    return made


def done(part: Any, clone: Path, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """Do an item as a worker does: by its command line, whose folder comes back."""
    with tempfile.TemporaryDirectory(dir=clone) as folder:
        monkeypatch.setattr(sys, "argv", ["item", folder, *part.item.arguments])
        assert item.main() == 0
        files = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    return Outcome("", "node", "10.0.0.1", files)


def test_a_trial_comes_back_into_the_file_of_the_study(clone, asked, monkeypatch) -> None:
    output = clone / "study" / "trials.jsonl"
    _, tasks = lacking(STUDY, output)
    assert len(tasks) == 8
    study = Trials([kind()], STUDY, tasks, output)
    for part in study.parts:
        study.save(part, done(part, clone, monkeypatch))
    assert [one.task for one in read(output)] == tasks
    assert read(output)[0] == trial(tasks[0], pairs=(0.01,), pair_s=(3.0,))
    assert lacking(STUDY, output)[1] == []
    assert len(read_notes(notes_file(output))) == 8
    # One slowdown and one trial each; and what the host has tried already is known there.
    assert [(one.slowdowns, own) for one, own, _ in asked] == [
        ((task.share,), [task]) for task in tasks
    ]
    assert [len(known) for *_, known in asked] == list(range(8))


def test_what_is_there_is_not_tried_again(clone) -> None:
    output = clone / "trials.jsonl"
    _, tasks = lacking(STUDY, output)
    for task in tasks[:3]:
        append(output, trial(task))
    assert lacking(STUDY, output)[1] == tasks[3:]
    with pytest.raises(CommandError, match="of another cell or budget"):
        lacking(replace(STUDY, budget_s=90.0), output)


def test_trials_of_hosts_of_several_kinds_are_no_study(clone) -> None:
    with pytest.raises(MisuseError, match="of one kind of machine, and there are: of one; of two"):
        Trials([kind("one"), kind("two")], STUDY, [], clone / "trials.jsonl")


def test_another_trial_than_was_asked_for_is_not_kept(clone, asked, monkeypatch) -> None:
    output = clone / "trials.jsonl"
    first, second = Trials([kind()], STUDY, lacking(STUDY, output)[1][:2], output).parts
    with pytest.raises(CommandError, match="node sent another trial than"):
        Trials([kind()], STUDY, [], output).save(second, done(first, clone, monkeypatch))
    assert not output.exists()


# As the repository's own, but for what takes long. The first trial's worker dies of it.
_FAST = """

    @contextlib.contextmanager
    def of_this_suite(study, tasks, trials, folder, console, environments=None):
        import os, signal, time
        try:
            (Path(os.environ["HOME"]) / "killed").open("x").close()
        except FileExistsError:
            pass
        else:
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(600)
        with (Path(os.environ["HOME"]) / "tried").open("a") as tried:
            tried.write("x")
        yield {tool: lambda t: Trial(t, study.cell, study.budget_s, 1.0, {t.tool: "none"})
               for tool in study.tools}
"""


def test_a_study_on_workers_survives_one_that_dies_and_goes_on_where_it_was(tiny) -> None:
    asking = tiny.root / "convbench" / "power" / "asking.py"
    asking.write_text(asking.read_text() + textwrap.dedent(_FAST))
    study = ("--power", "--tools", "gate", "--slowdowns", "0,5", "--machine", "tiny-machine")
    tiny.finish("sweep", "--local", "2", *study, "--repetitions", "1")
    file = tiny.root / ".asv" / "power" / "trials.jsonl"
    assert sorted(one.task.share for one in read(file)) == [0.0, 0.05]
    assert {one.cell for one in read(file)} == {POWER_CELL}
    tiny.finish("sweep", "--local", "1", *study, "--repetitions", "2")
    assert [one.task.repetition for one in read(file)] == [0, 0, 1, 1]
    printed = (tiny.home / "printed").read_text()
    # Nothing is lacking now: it prints the study, and starts no worker.
    tiny.finish("sweep", "--local", "1", *study, "--repetitions", "2")
    more = (tiny.home / "printed").read_text()[len(printed) :]
    assert "dashboard" not in more
    assert "injected" in more
    assert len((tiny.home / "tried").read_text()) == 4
