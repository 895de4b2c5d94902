"""Which windows count, and when they are enough."""

import time

import pytest

from benchmarks import windows
from benchmarks.windows import (
    DEADLINE_VARIABLE,
    PATIENCE_VARIABLE,
    Window,
    agree,
    at_one_pace,
    counted,
    counting,
    kept,
    pace_s,
    patience_s,
)


def window(call_s: float = 1.0, **others: float) -> Window:
    facts = {"wall_s": 0.004, "share": 2.0, "stolen": 0, "probe_s": 1.0, **others}
    return Window(call_s, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "disturbance",
    [{"share": 1.7}, {"stolen": 1}],
    ids=["a thread waited", "stolen"],
)
def test_what_disturbs_a_window_keeps_it_from_counting(disturbance) -> None:
    quiet = [window() for _ in range(5)]
    found = counting([*quiet, window(0.5, **disturbance)], one_thread=False)
    assert found == quiet


@pytest.mark.parametrize(
    ("readings", "pace"),
    [
        ([1.0, 1.1, 1.2], 1.1),
        ([1.4, 300.0, 400.0], 1.4),  # two waited for a core
        ([300.0, 400.0, 500.0], 2.5),  # all did: as slow as a core may be
        ([0.9, 0.95, 1.0], 0.95),
    ],
)
def test_a_probe_that_waited_says_nothing_of_the_pace(readings, pace) -> None:
    assert pace_s([window(probe_s=reading) for reading in readings], 1.0) == pytest.approx(pace)


def test_of_one_thread_an_interruption_does_not_count() -> None:
    interrupted = window(share=0.5)
    assert counting([interrupted], one_thread=True) == [interrupted]
    assert counting([window(stolen=1)], one_thread=True) == []


def test_threads_that_sleep_for_a_part_of_each_call_are_no_disturbance() -> None:
    # What counts is less of the processor than the cell usually gets, not less than all of it.
    half_serial = [window(share=1.4), window(share=1.41), window(share=1.39)]
    assert counting(half_serial, one_thread=False) == half_serial


def test_the_windows_of_the_fastest_pace_at_which_there_are_enough_are_taken() -> None:
    best = [window(1.0, probe_s=1.02), window(1.0, probe_s=1.04)]
    slow = [window(1.4, probe_s=1.4 + n / 100) for n in range(6)]
    slower = [window(1.9, probe_s=1.9) for _ in range(9)]
    every = [*slower, *best, *slow]
    assert at_one_pace(every, 1.0, 2, one_thread=True) == best
    assert at_one_pace(every, 1.0, 3, one_thread=True) == slow
    assert at_one_pace(every, 1.0, 7, one_thread=True) == slower
    # Too few at any: the most that there are.
    assert at_one_pace(every, 1.0, 12, one_thread=True) == slower
    assert at_one_pace([], 1.0, 3, one_thread=True) == []


def test_a_probe_that_waited_for_a_core_is_no_pace() -> None:
    late = [window(1.0, probe_s=256.0 + n) for n in range(9)]
    assert at_one_pace(late, 1.0, 3, one_thread=True) == []
    assert at_one_pace([*late, window(1.0, probe_s=2.0)], 1.0, 3, one_thread=True) == [
        window(1.0, probe_s=2.0)
    ]


def test_what_was_interrupted_does_not_make_a_pace() -> None:
    interrupted = [window(1.0, probe_s=1.0, stolen=1) for _ in range(9)]
    slow = [window(1.4, probe_s=1.4) for _ in range(3)]
    assert at_one_pace([*interrupted, *slow], 1.0, 3, one_thread=False) == slow


def test_the_faster_half_is_kept_and_never_less_than_the_fewest() -> None:
    times = [5.0, 1.0, 4.0, 2.0, 3.0, 6.0, 7.0]
    assert [w.call_s for w in kept([window(t) for t in times])] == [1.0, 2.0, 3.0, 4.0]
    assert [w.call_s for w in kept([window(t) for t in (2.0, 3.0, 1.0)])] == [1.0, 2.0, 3.0]
    assert kept([]) == []


@pytest.mark.parametrize("number", range(3, 40))
def test_how_many_counted_at_least_follows_from_how_many_were_kept(number) -> None:
    assert number - 3 <= counted(len(kept([window() for _ in range(number)]))) <= number


def test_samples_agree_if_they_are_enough_for_how_far_they_are_apart() -> None:
    near, far = [window(1 + n / 1000) for n in range(10)], [window(1 + n / 50) for n in range(10)]
    assert agree(near, wanted=30)
    assert not agree(far, wanted=30)
    assert not agree(near[:2], wanted=3)
    assert not agree(near[:6], wanted=30)


@pytest.mark.parametrize("text", ["", "soon", "-1", "nan", "3601"])
def test_a_bad_patience_is_refused_in_one_line(monkeypatch, text) -> None:
    monkeypatch.setenv(PATIENCE_VARIABLE, text)
    with pytest.raises(ValueError, match="must be 0 to 3600 seconds") as raised:
        patience_s()
    assert "\n" not in str(raised.value)


def test_nothing_here_needs_torch() -> None:
    assert "torch" not in vars(windows)


def test_after_the_deadline_nobody_waits(monkeypatch) -> None:
    monkeypatch.setenv(DEADLINE_VARIABLE, str(time.time() + 1000))
    monkeypatch.setenv(PATIENCE_VARIABLE, "5")
    assert patience_s() == 5
    monkeypatch.setenv(DEADLINE_VARIABLE, str(time.time() - 1))
    assert 0 < patience_s() < 0.01
    monkeypatch.setenv(PATIENCE_VARIABLE, "0")
    assert patience_s() == 0
    monkeypatch.setenv(DEADLINE_VARIABLE, "tomorrow")
    with pytest.raises(ValueError, match="must be a moment in seconds, got 'tomorrow'"):
        patience_s()
