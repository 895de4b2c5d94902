"""What a probe takes at its best, and for how long that is waited for."""

import json
import math
from pathlib import Path

import pytest

from benchmarks import pace
from benchmarks.pace import Pace


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def noted(*seconds: float) -> Pace:
    subject = Pace(1)
    for probe_s in seconds:
        subject.note(probe_s)
    return subject


def slow_for(subject: Pace, seconds: float) -> None:
    """Wait in vain, a probe each hundredth of a second."""
    for _ in range(round(100 * seconds)):
        subject.note(1.4e-5)
        subject.waited(0.01)


def test_the_best_is_kept_for_other_processes_of_as_many_threads() -> None:
    noted(2e-5).keep()
    assert Pace(1).best_s == 2e-5
    assert Pace(2).best_s == math.inf


def test_a_slower_process_does_not_raise_it() -> None:
    for seconds in (2e-5, 3e-5):
        noted(seconds).keep()
    assert Pace(1).best_s == 2e-5


def test_what_another_kind_of_probe_took_is_not_its_best(monkeypatch) -> None:
    noted(2e-5).keep()
    monkeypatch.setattr(pace, "WORK", "exp 65536")
    assert Pace(1).best_s == math.inf


def test_the_best_that_another_process_saw_meanwhile_stays() -> None:
    mine, other = noted(3e-5), noted(2e-5)
    other.keep()
    mine.keep()
    assert Pace(1).best_s == 2e-5


def test_a_bad_spell_of_half_a_minute_is_waited_for() -> None:
    subject = noted(1e-5)
    slow_for(subject, 29.0)
    assert not subject.is_slow
    assert subject.is_met(1.05e-5)
    assert not subject.is_met(1.4e-5)


def test_a_slow_machine_is_waited_for_no_longer_in_the_next_process_either() -> None:
    subject = noted(1e-5)
    slow_for(subject, 31.0)
    subject.keep()
    later = Pace(1)
    assert later.is_slow
    assert later.slowdown(1.4e-5) == pytest.approx(1.4)


def test_one_fast_moment_is_not_waited_for_again() -> None:
    subject = noted(1e-5)
    slow_for(subject, 31.0)
    subject.note(1e-5)
    subject.measured(1e-5)
    slow_for(subject, 0.1)
    assert subject.is_slow


def test_what_is_measured_at_its_best_earns_patience_again() -> None:
    subject = noted(1e-5)
    slow_for(subject, 31.0)
    for _ in range(600):  # fifteen cells
        subject.measured(1.4e-5)
    assert subject.is_slow, "nothing was at its best"
    for _ in range(600):
        subject.measured(1e-5)
    slow_for(subject, 25.0)
    assert not subject.is_slow


@pytest.mark.parametrize(("hours", "remembered"), [(23, True), (25, False)])
def test_what_was_seen_a_day_ago_is_forgotten(hours, remembered, cache) -> None:
    noted(2e-5).keep()
    (file,) = cache.rglob("*.json")
    was = json.loads(file.read_text())
    file.write_text(json.dumps({**was, "seen": was["seen"] - 3600 * hours}))
    assert (Pace(1).best_s == 2e-5) is remembered


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", '{"best_s": -1, "missed_s": 0, "seen": 0}'),
        '{"seconds": 2e-5, "reached": 1.0}',
    ],
)
def test_a_broken_file_is_no_file(cache, text) -> None:
    noted(2e-5).keep()
    (file,) = cache.rglob("*.json")
    file.write_text(text)
    assert Pace(1).best_s == math.inf


def test_a_folder_that_cannot_be_written_to_is_done_without(cache) -> None:
    (cache / "fftconv").write_text("a file in the folder's place")
    subject = noted(2e-5)
    subject.keep()
    assert subject.best_s == 2e-5
