"""How many rounds the tools are told to make: as many as end within the budget."""

import random
from collections.abc import Callable

import pytest

from convbench.power.sizing import LEAST, LONG, SHORT, Cost, cost, fill, learnt, rounds
from convbench.power.trials import NOT_FOUND, Task, Trial, append, read

BUDGET_S = 120.0


def trial(task: Task, count: int, seconds: float) -> Trial:
    return Trial(task, "cell", BUDGET_S, seconds, {task.tool: NOT_FOUND}, rounds=count)


def study(seconds: Callable[[int], float], repetitions: int = 10) -> tuple[list[Trial], list[int]]:
    """Return the trials of a tool, and the rounds of each call that was made for them."""
    called: list[int] = []
    trials: list[Trial] = []

    def act(task: Task, count: int) -> Trial:
        called.append(count)
        return trial(task, count, seconds(count))

    for repetition in range(repetitions):
        trials.append(fill(act, Task("pyperf", 0.0, repetition), trials, BUDGET_S))
    return trials, called


@pytest.mark.parametrize(
    ("start_s", "round_s"), [(0.0, 8.0), (30.0, 8.0), (60.0, 8.0), (20.0, 3.0)]
)
def test_trials_end_within_the_budget_and_use_it(start_s, round_s) -> None:
    trials, called = study(lambda count: start_s + count * round_s)
    assert called[:2] == [LONG, SHORT]  # these two are no trials
    assert len(trials) == len(called) - 2
    for made in trials:
        assert 0.75 * BUDGET_S <= made.seconds <= BUDGET_S


@pytest.mark.parametrize("seed", range(20))
def test_a_machine_that_wavers_by_a_twelfth_keeps_it_too(seed) -> None:
    dice = random.Random(seed)
    trials, _ = study(lambda count: (30.0 + 9.5 * count) * dice.uniform(0.96, 1.04), 30)
    assert max(made.seconds for made in trials) <= BUDGET_S


def test_a_machine_that_has_become_slower_is_noticed() -> None:
    speeds = iter([1.0] * 4 + [1.4] * 20)
    trials, _ = study(lambda count: (20.0 + 8.0 * count) * next(speeds))
    late = [made.repetition for made in (t.task for t in trials if t.seconds > BUDGET_S)]
    assert late == [2]  # the first that was slower, and no other


def test_noise_that_hides_a_round_does_not_make_a_trial_endless() -> None:
    assert cost(50.0, 40.0).round_s == pytest.approx(4.0)
    for short_s, long_s in ((50.0, 40.0), (40.0, 40.0), (1.0, 40.0)):
        found = cost(short_s, long_s)
        assert found.start_s >= 0.0
        assert found.start_s + LONG * found.round_s == pytest.approx(long_s)


def test_a_budget_that_holds_nothing_gets_the_least() -> None:
    assert rounds(Cost(30.0, 8.0), 15.0) == LEAST


def test_each_tool_learns_from_its_own_trials_and_notes_what_it_expected(tmp_path) -> None:
    (made, *_), _ = study(lambda count: 30.0 + 8.0 * count, 1)
    assert (made.rounds, made.start_s, made.round_s) == (9, 30.0, 8.0)
    path = tmp_path / "trials.jsonl"
    append(path, made)
    assert read(path) == [made]
    assert learnt("pyperf", read(path)) == Cost(30.0, 8.0)  # a study that goes on calls no more
    assert learnt("asv-interleaved", [made]) is None
    unsized = trial(Task("asv-interleaved", 0.0, 0), 9, 100.0)
    assert learnt("asv-interleaved", [unsized]) is None  # of before this was noted
