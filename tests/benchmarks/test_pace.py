"""What a probe is expected to take: its best, until that was waited for in vain for a minute."""

import json
import math
import random
from pathlib import Path

import pytest

from benchmarks.pace import Pace


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def noted(*seconds: float) -> Pace:
    pace = Pace(1)
    for probe_s in seconds:
        pace.note(probe_s)
    return pace


def slow_for(pace: Pace, seconds: float) -> None:
    """Wait in vain, a probe each hundredth of a second."""
    for _ in range(round(100 * seconds)):
        pace.note(1.4e-5)
        pace.waited(0.01)


def test_the_best_is_kept_for_other_processes_of_as_many_threads() -> None:
    noted(2e-5).keep()
    assert (Pace(1).best_s, Pace(1).expected_s) == (2e-5, 2e-5)
    assert Pace(2).best_s == math.inf


def test_a_slower_process_does_not_raise_it() -> None:
    for seconds in (2e-5, 3e-5):
        noted(seconds).keep()
    assert Pace(1).expected_s == 2e-5


def test_the_best_that_another_process_saw_meanwhile_stays() -> None:
    mine, other = noted(3e-5), noted(2e-5)
    other.keep()
    mine.keep()
    assert Pace(1).best_s == 2e-5


def test_a_bad_spell_of_a_minute_is_waited_for() -> None:
    pace = noted(1e-5)
    slow_for(pace, 59.0)
    assert pace.expected_s == 1e-5
    assert not pace.is_met(1.4e-5)


def test_a_slow_machine_is_taken_for_what_it_is_after_a_minute_and_in_the_next_process() -> None:
    pace = noted(1e-5)
    slow_for(pace, 61.0)
    assert pace.is_met(1.4e-5)
    assert not pace.is_met(1.6e-5)
    pace.keep()
    later = Pace(1)
    assert later.is_met(1.4e-5)
    assert later.slowdown(1.4e-5) == pytest.approx(1.4)


def test_one_fast_moment_is_not_waited_for_again() -> None:
    pace = noted(1e-5)
    slow_for(pace, 61.0)
    pace.note(1e-5)
    pace.measured(1e-5)
    slow_for(pace, 0.1)
    assert pace.is_met(1.4e-5)


def test_on_an_unsteady_machine_about_half_of_the_probes_are_as_expected() -> None:
    pace, dice = noted(1e-5), random.Random(0)
    slow_for(pace, 61.0)
    probes = [dice.uniform(1.3e-5, 1.6e-5) for _ in range(2000)]
    met = 0
    for probe_s in probes:
        pace.note(probe_s)
        met += pace.is_met(probe_s)
    assert 0.3 < met / len(probes) < 0.8


def test_what_is_measured_at_its_best_earns_patience_again() -> None:
    pace = noted(1e-5)
    slow_for(pace, 61.0)
    for _ in range(1200):  # thirty cells
        pace.measured(1.4e-5)
    assert pace.expected_s > 1.3e-5, "nothing was at its best"
    for _ in range(1200):
        pace.measured(1e-5)
    slow_for(pace, 50.0)
    assert pace.expected_s == 1e-5


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
        *("", "{", "[]", "null", '{"best_s": -1, "usual_s": 1, "missed_s": 0, "seen": 0}'),
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
    pace = noted(2e-5)
    pace.keep()
    assert pace.best_s == 2e-5
