"""What known work takes at its best, kept between processes."""

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
    subject = Pace(1, 0)
    for known_s in seconds:
        subject.note(known_s)
    return subject


def test_the_best_is_kept_for_other_processes_of_as_many_threads() -> None:
    noted(2e-5).keep()
    assert Pace(1, 0).best_s == 2e-5
    assert Pace(2, 0).best_s == math.inf
    assert Pace(1, 1).best_s == math.inf


def test_a_slower_process_does_not_raise_it() -> None:
    for seconds in (2e-5, 3e-5):
        noted(seconds).keep()
    assert Pace(1, 0).best_s == 2e-5


def test_what_other_work_took_is_not_its_best(monkeypatch) -> None:
    noted(2e-5).keep()
    monkeypatch.setattr(pace, "WORK", "exp 65536")
    assert Pace(1, 0).best_s == math.inf


def test_the_best_that_another_process_saw_meanwhile_stays() -> None:
    mine, other = noted(3e-5), noted(2e-5)
    other.keep()
    mine.keep()
    assert Pace(1, 0).best_s == 2e-5


def test_a_slow_machine_is_known_for_one_in_the_next_process() -> None:
    noted(1e-5).keep()
    assert Pace(1, 0).slowdown(1.4e-5) == pytest.approx(1.4)
    assert Pace(1, 0).slowdown(0.9e-5) == 1.0


@pytest.mark.parametrize(("hours", "remembered"), [(23, True), (25, False)])
def test_what_was_seen_a_day_ago_is_forgotten(hours, remembered, cache) -> None:
    noted(2e-5).keep()
    (file,) = cache.rglob("*.json")
    was = json.loads(file.read_text())
    file.write_text(json.dumps({**was, "seen": was["seen"] - 3600 * hours}))
    assert (Pace(1, 0).best_s == 2e-5) is remembered


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", '{"best_s": -1, "seen": 0}'),
        '{"seconds": 2e-5, "reached": 1.0}',
    ],
)
def test_a_broken_file_is_no_file(cache, text) -> None:
    noted(2e-5).keep()
    (file,) = cache.rglob("*.json")
    file.write_text(text)
    assert Pace(1, 0).best_s == math.inf


def test_a_folder_that_cannot_be_written_to_is_done_without(cache) -> None:
    (cache / "fftconv").write_text("a file in the folder's place")
    subject = noted(2e-5)
    subject.keep()
    assert subject.best_s == 2e-5
