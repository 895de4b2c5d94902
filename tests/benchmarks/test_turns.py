"""What turns say of a call, and when they are enough."""

import time

import pytest

from benchmarks import turns
from benchmarks.turns import (
    DEADLINE_VARIABLE,
    PATIENCE_VARIABLE,
    TURNS,
    TURNS_VARIABLE,
    agree,
    disagree,
    error,
    had_cores,
    kept,
    patience_s,
    quick_s,
    taken,
    wanted,
)


def test_calls_that_were_interrupted_do_not_move_a_turns_time() -> None:
    quiet = [1.0 + n / 1000 for n in range(10)]
    interrupted = [*quiet[:5], *(call_s + 50 for call_s in quiet[5:])]
    assert quick_s(quiet) == quick_s(interrupted) == pytest.approx(1.002)
    assert quick_s([3.0]) == 3.0


def test_the_faster_half_is_kept_and_never_less_than_the_fewest() -> None:
    assert kept([5.0, 1.0, 4.0, 2.0, 3.0, 6.0, 7.0]) == [1.0, 2.0, 3.0, 4.0]
    assert kept([2.0, 3.0, 1.0]) == [1.0, 2.0, 3.0]
    assert kept([]) == []


@pytest.mark.parametrize("number", range(3, 40))
def test_how_many_were_taken_at_least_follows_from_how_many_were_kept(number) -> None:
    assert number - 3 <= taken(len(kept([1.0] * number))) <= number


def test_turns_agree_if_they_are_enough_for_how_far_they_are_apart() -> None:
    near, far = [1 + n / 1000 for n in range(10)], [1 + n / 50 for n in range(10)]
    assert agree(near)
    assert not agree(far)
    assert not disagree(far)
    assert disagree([1 + n / 5 for n in range(10)])


def test_one_turn_in_a_moment_that_nobody_else_uses_says_nothing_of_the_others() -> None:
    assert error([0.5, *(1 + n / 1000 for n in range(11))]) < 0.003


@pytest.mark.parametrize("text", ["", "soon", "-1", "nan", "3601"])
def test_a_bad_patience_is_refused_in_one_line(monkeypatch, text) -> None:
    monkeypatch.setenv(PATIENCE_VARIABLE, text)
    with pytest.raises(ValueError, match="must be 0 to 3600 seconds") as raised:
        patience_s()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["", "few", "2", "1001", "24.5", "-24"])
def test_a_bad_number_of_turns_is_refused_in_one_line(monkeypatch, text) -> None:
    monkeypatch.setenv(TURNS_VARIABLE, text)
    with pytest.raises(ValueError, match="must be a whole number of 3 to 1000") as raised:
        wanted()
    assert "\n" not in str(raised.value)


def test_how_many_turns_are_wanted_is_said_by_a_variable(monkeypatch) -> None:
    monkeypatch.delenv(TURNS_VARIABLE, raising=False)
    assert wanted() == TURNS
    monkeypatch.setenv(TURNS_VARIABLE, "36")
    assert wanted() == 36


def test_nothing_here_needs_torch() -> None:
    assert "torch" not in vars(turns)


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


@pytest.mark.parametrize(
    ("waited_s", "had"), [(0.0, True), (0.0005, True), (0.002, False), (0.03, False)]
)
def test_threads_that_waited_for_a_core_did_not_have_it(waited_s, had) -> None:
    assert had_cores(0.02, waited_s) is had
