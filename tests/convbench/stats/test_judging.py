"""The whole procedure on samples of known truth: what it finds, and how often it cries wolf."""

import math
from collections.abc import Iterable

import numpy as np
import pytest

from convbench.gate.pairs import Blocks
from convbench.stats.intervals import Interval
from convbench.stats.judging import FIRST_LOOK, Course, Judgement, Verdict, verdict
from convbench.stats.rules import Rules

RULES = Rules()
PAIRS = 30


def log(percent: float) -> float:
    return math.log1p(percent / 100)


@pytest.mark.parametrize(
    ("low", "estimate", "high", "before_the_end", "at_the_end"),
    [
        (1.0, 3.0, 5.0, Verdict.SLOWDOWN, Verdict.SLOWDOWN),
        (1.0, 1.5, 1.9, Verdict.NONE, Verdict.NONE),  # significant, and not relevant
        (1.0, 1.5, 3.0, None, Verdict.NONE),
        (-1.0, 3.0, 3.5, None, Verdict.INCONCLUSIVE),  # relevant, and not significant
        (-3.0, 0.0, 1.9, Verdict.NONE, Verdict.NONE),
        (-3.0, 0.0, 3.0, None, Verdict.NONE),  # twice the threshold is ruled out
        (-5.0, 0.0, 5.0, None, Verdict.INCONCLUSIVE),  # it is not
        (-9.0, -5.0, -1.0, Verdict.SPEEDUP, Verdict.SPEEDUP),
        (-2.0, -1.0, -0.5, Verdict.NONE, Verdict.NONE),
    ],
)
def test_significant_and_relevant(low, estimate, high, before_the_end, at_the_end) -> None:
    found = Interval(log(estimate), log(low), log(high), 0.01)
    assert verdict(found, RULES, final=False) is before_the_end
    assert verdict(found, RULES, final=True) is at_the_end


def judge(course: Course, log_ratios: Iterable[float], count: int = PAIRS) -> Judgement:
    """Give a course its pairs, `count` at most, until it is decided."""
    for number, ratio in enumerate(log_ratios, start=1):
        course.log_ratios.append(ratio)
        found = course.look(number / count, final=number == count)
        if found is not None and found.verdict is not None:
            return found
    raise AssertionError("the last look decides")


def test_too_few_pairs_are_inconclusive_and_never_a_pass() -> None:
    for count in range(1, 7):
        assert judge(Course(RULES, 1), [0.0] * count, count).verdict is Verdict.INCONCLUSIVE


def test_what_is_clear_is_decided_at_the_first_look() -> None:
    noise = np.random.default_rng(1).normal(0.0, 0.001, PAIRS)
    assert judge(Course(RULES, 1), list(noise)).pairs == FIRST_LOOK
    slower = judge(Course(RULES, 1), list(noise + log(10)))
    assert (slower.pairs, slower.verdict) == (FIRST_LOOK, Verdict.SLOWDOWN)


def test_the_chance_that_all_looks_spend_is_no_more_than_there_is() -> None:
    rng = np.random.default_rng(2)
    for cells in (1, 8):
        course = Course(Rules(threshold=1e-6), cells)  # so that nothing is decided early
        spent = 0.0
        for number in range(1, 61):
            course.log_ratios.append(rng.normal())
            found = course.look(number / 60, final=number == 60)
            spent += found.interval.level if found is not None else 0.0
        assert 0.5 * RULES.alarm / cells < spent <= RULES.alarm / cells


def test_many_cells_share_the_chance() -> None:
    values = list(np.random.default_rng(3).normal(log(2.5), 0.012, 12))
    alone, of_many = Course(RULES, 1), Course(RULES, 100)
    assert judge(alone, values, 12).interval.low > judge(of_many, values, 12).interval.low


# The machine's noise: a pair's blocks, one after the other, of one side and the other.


def _blocks(
    rng: np.random.Generator, slowdown: float, speed: "np.ndarray[tuple[int], np.dtype[np.float64]]"
) -> Blocks:
    """Return a pair's blocks on a machine whose log-speed is `speed`, block by block.

    Each process is faster or slower than its like by a percent or so for all of its life.
    """
    born = rng.normal(0.0, 0.008, 2)
    taken: tuple[list[float], list[float]] = ([], [])
    for first in range(0, len(speed), 4):
        order = (0, 1, 1, 0) if rng.random() < 0.5 else (1, 0, 0, 1)
        for place, side in enumerate(order):
            truth = born[side] + side * math.log1p(slowdown) + speed[first + place]
            taken[side].append(math.exp(truth + rng.normal(0.0, 0.01)))
    return Blocks(tuple(taken[0]), tuple(taken[1]))


def steady(rng: np.random.Generator, count: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.zeros(count)


def autocorrelated(
    rng: np.random.Generator, count: int
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Noise that remembers: a neighbour that comes for seconds and goes."""
    steps = rng.normal(0.0, 0.01, count)
    level = np.empty(count)
    level[0] = rng.normal(0.0, 0.03)
    for index in range(1, count):
        level[index] = 0.95 * level[index - 1] + steps[index]
    return level


def drifting(
    rng: np.random.Generator, count: int
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Become slower all the while, by a fifth in a pair's second."""
    return np.linspace(0.0, 0.2, count)


def bursts(rng: np.random.Generator, count: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Now and then something takes a core for a few blocks, and half the speed with it."""
    struck = np.convolve(rng.random(count) < 0.04, np.ones(4), mode="same") > 0
    return np.where(struck, 0.7, 0.0)


MACHINES = (steady, autocorrelated, drifting, bursts)
TRIALS = 150


def found(machine, slowdown: float, seed: int) -> list[Verdict | None]:
    rng = np.random.default_rng(seed)
    verdicts = []
    for _ in range(TRIALS):
        ratios = (_blocks(rng, slowdown, machine(rng, 48)).log_ratio for _ in range(PAIRS))
        verdicts.append(judge(Course(RULES, 1), ratios).verdict)
    return verdicts


@pytest.mark.parametrize("machine", MACHINES)
def test_false_alarms_are_as_rare_as_promised(machine) -> None:
    alarms = found(machine, 0.0, 11).count(Verdict.SLOWDOWN)
    # At one in a hundred, six or more of 150 come by chance once in two hundred runs.
    assert alarms <= 5


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(("slowdown", "least"), [(0.03, 0.8), (0.05, 0.95)])
def test_slowdowns_are_found(machine, slowdown, least) -> None:
    assert found(machine, slowdown, 12).count(Verdict.SLOWDOWN) >= least * TRIALS


def test_the_simulation_can_fail() -> None:
    # Blocks in a fixed order, drift not cancelled: every pair looks slower.
    speed = np.linspace(0.0, 0.2, 48)
    ratios = []
    for _ in range(PAIRS):
        base, head = np.exp(speed[0::2]), np.exp(speed[1::2] + 0.03)
        ratios.append(float(np.median(np.log(head / base))))
    assert judge(Course(RULES, 1), ratios).verdict is Verdict.SLOWDOWN


def test_a_thousand_sequences_of_pure_noise() -> None:
    rng = np.random.default_rng(13)
    # The threshold is out of the way: significance alone must keep its promise.
    rules = Rules(threshold=1e-9)
    alarms = sum(
        judge(Course(rules, 1), list(rng.normal(0.0, 0.02, PAIRS))).verdict is Verdict.SLOWDOWN
        for _ in range(1000)
    )
    assert alarms <= 20  # 10 expected; more than 20 come once in a thousand runs
