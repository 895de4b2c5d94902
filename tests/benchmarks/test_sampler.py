"""Sampling calls in turns: what it takes, what it leaves out, and when it declines."""

import time
from collections.abc import Callable
from itertools import count, pairwise

import pytest
import torch

import fftconv
from benchmarks import sampler, settling
from benchmarks.sampler import Cell, DisturbedError, sample
from benchmarks.settling import FILL_S, settled
from benchmarks.turns import PATIENCE_VARIABLE, TURNS_VARIABLE

pytestmark = pytest.mark.usefixtures("cache", "short")


def test_the_first_call_does_not_say_how_many_fill_the_least_time() -> None:
    calls = 0

    def call() -> None:
        nonlocal calls
        calls += 1
        time.sleep(0.2 if calls == 1 else 0.0002)  # the first one compiles

    found = settled(call, 3.0)
    assert found.calls > 3
    assert found.seconds < 0.1
    assert found.turn is None


def test_a_long_call_fills_it_alone() -> None:
    assert settled(lambda: time.sleep(3 * FILL_S), 3.0)[0] == 1


def test_the_second_of_calls_that_take_a_turn_each_is_the_first_turn() -> None:
    made = 0

    def call() -> None:
        nonlocal made
        made += 1
        time.sleep(0.5 if made == 1 else 0.03)

    subject = Cell(lambda: call)
    assert made == 2
    assert subject._taken == 1
    sample([subject])
    assert made == 1 + subject._taken


def test_a_cell_has_operands_in_several_places_for_its_calls_in_turns(monkeypatch) -> None:
    made: list[torch.Tensor] = []
    used: list[int] = []

    def make() -> object:
        tensor = torch.zeros(1000)
        made.append(tensor)

        def call() -> None:
            used.append(tensor.data_ptr())
            time.sleep(0.0001)

        return call

    monkeypatch.setattr(sampler, "TURN_S", 0.02)
    cell = Cell(make)
    places = {tensor.data_ptr() for tensor in made}
    assert len(places) == 3
    used.clear()
    cell.turn()
    assert len(used) >= 6
    assert set(used) == places
    assert used[3:6] == used[:3]
    assert len(set(used[:3])) == 3


@pytest.mark.parametrize(("call_s", "wanted"), [(0.001, 48), (0.1, 20)])
def test_who_asks_for_twice_the_turns_gets_them(monkeypatch, call_s, wanted) -> None:
    monkeypatch.setattr(sampler, "TURN_S", 0.02)
    monkeypatch.setenv(TURNS_VARIABLE, "48")
    cell = Cell(lambda: lambda: time.sleep(call_s))
    assert cell.wanted == pytest.approx(wanted, abs=1)
    assert cell.turns_s == pytest.approx(cell.wanted * max(call_s, 0.02), rel=0.1)


def test_short_calls_are_timed_several_at_once() -> None:
    cell = Cell(lambda: lambda: None)
    assert len(cell._batches[0]) > 10
    cell.turn()
    assert 0 < cell._turns[0] < 1e-5


@pytest.fixture
def agreed(monkeypatch) -> None:
    """Have turns agree, however busy the machine is."""
    monkeypatch.setattr(sampler.turns, "disagree", lambda _: False)


@pytest.mark.usefixtures("agreed")
def test_cells_take_turns_and_the_fastest_sample_comes_first() -> None:
    order: list[str] = []

    def made(name: str) -> Cell:
        def call() -> None:
            order.append(name)
            time.sleep(0.001)

        return Cell(lambda: call)

    cells = [made("a"), made("b")]
    order.clear()
    sample(cells)
    changes = sum(before != after for before, after in pairwise(order))
    assert changes > 10, "in one go there is one change"
    for cell in cells:
        found = cell.samples()
        assert list(found.seconds) == sorted(found.seconds)
        assert len(found.seconds) >= 12
        assert found.slowdown >= 1.0


def sampled(monkeypatch, patience: str) -> Cell:
    """Return a cell that was sampled with so much patience."""
    monkeypatch.setenv(PATIENCE_VARIABLE, patience)
    subject = Cell(lambda: lambda: time.sleep(0.0005))
    sample([subject])
    return subject


@pytest.fixture
def apart(monkeypatch) -> None:
    """Have each turn take a fifth longer than the one before."""
    numbers = count()
    monkeypatch.setattr(sampler.turns, "quick_s", lambda _: 1e-3 * 1.2 ** next(numbers))


@pytest.mark.usefixtures("apart")
def test_a_cell_whose_samples_stay_apart_declines_in_one_sentence(monkeypatch) -> None:
    subject = sampled(monkeypatch, "0.1")
    with pytest.raises(DisturbedError) as raised:
        subject.samples()
    said = str(raised.value)
    assert said.startswith("disturbed: ")
    assert "% of doubt after 0.1 s" in said
    assert said.endswith(f"({PATIENCE_VARIABLE} waits longer)")
    assert "\n" not in said


def with_cores(monkeypatch, had: Callable[[int], bool]) -> Cell:
    """Return a cell of two threads, one of which waits for a core in turns that are not `had`."""
    monkeypatch.setattr(settling, "works_alone", lambda *_: False)
    subject = Cell(lambda: lambda: time.sleep(0.001), threads=2)
    waits = count()

    def waited_s() -> float:
        return 0.0 if had(subject._taken) else 1e-3 * next(waits)

    monkeypatch.setattr(sampler, "waited_s", waited_s)
    return subject


@pytest.mark.usefixtures("agreed")
@pytest.mark.parametrize(("lacking", "number"), [(0, 24), (12, 12)])
def test_turns_in_which_a_thread_waited_for_a_core_do_not_count(
    monkeypatch, lacking, number
) -> None:
    subject = with_cores(monkeypatch, lambda turn: turn >= lacking)
    for _ in range(subject.wanted):
        subject.turn()
    assert len(subject._turns) == number
    assert len(subject.samples().seconds) == number / 2


def test_a_cell_whose_threads_waited_in_most_turns_declines(monkeypatch) -> None:
    subject = with_cores(monkeypatch, lambda turn: turn % 24 < 3)
    sample([subject])
    with pytest.raises(DisturbedError, match="in 42 of 48 samples threads waited for a core"):
        subject.samples()


def test_a_turn_has_the_calls_in_which_threads_had_their_cores(monkeypatch) -> None:
    """Of the calls every second one waits for a core, and takes twice as long for it."""
    monkeypatch.setattr(sampler, "TURN_S", 0.02)
    monkeypatch.setattr(settling, "works_alone", lambda *_: False)
    calls, waits = count(), 0.0

    def call() -> None:
        nonlocal waits
        is_late = next(calls) % 2
        waits += 0.003 * is_late
        time.sleep(0.003 + 0.003 * is_late)

    monkeypatch.setattr(sampler, "waited_s", lambda: waits)
    subject = Cell(lambda: call, threads=2)
    subject.turn()
    assert subject._turns[0] < 0.006


def test_what_one_thread_waits_for_is_no_part_of_its_time(monkeypatch) -> None:
    subject = with_cores(monkeypatch, lambda _: False)
    subject._alone = True
    subject.turn()
    assert len(subject._turns) == 1


def test_calls_of_a_cell_ask_for_all_threads() -> None:
    before_s = fftconv.set_longest_rest(0.1)
    try:
        Cell(lambda: lambda: None)
        assert fftconv.set_longest_rest(0.1) == 0
    finally:
        fftconv.set_longest_rest(before_s)


@pytest.mark.usefixtures("apart")
def test_without_patience_what_comes_counts_waits_too(monkeypatch) -> None:
    monkeypatch.setenv(PATIENCE_VARIABLE, "0")
    subject = with_cores(monkeypatch, lambda _: False)
    sample([subject])
    assert len(subject.samples().seconds) == 12


@pytest.mark.usefixtures("apart")
def test_without_patience_what_comes_counts(monkeypatch) -> None:
    assert len(sampled(monkeypatch, "0").samples().seconds) == 12


@pytest.mark.parametrize(("patience", "number"), [("100", 48), ("0.001", 3), ("0", 24)])
def test_samples_that_do_not_agree_get_more_turns_for_as_long_as_patience_lasts(
    monkeypatch, patience, number
) -> None:
    monkeypatch.setattr(sampler.turns, "agree", lambda _: False)
    monkeypatch.setattr(sampler.turns, "disagree", lambda _: False)
    subject = sampled(monkeypatch, patience)
    assert len(subject._turns) == number
    assert subject.samples()


def test_a_long_call_is_made_few_times(monkeypatch) -> None:
    monkeypatch.setattr(sampler, "_TURNS_S", 0.1)
    calls = 0

    def call() -> None:
        nonlocal calls
        calls += 1
        time.sleep(0.06)

    subject = Cell(lambda: call)
    sample([subject])
    assert len(subject.samples().seconds) == 3
    assert calls <= 20


def test_a_value_is_one_of_the_calls() -> None:
    assert 0.001 <= Cell(lambda: lambda: time.sleep(0.001)).value_s() < 0.1
