"""How much a tool does in a trial, so that the trial ends within the budget.

The gate ends by the clock. The others are told beforehand how many rounds, or processes, to make:
two short calls tell what they take besides their rounds, and the last trials how long a round is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from convbench.power.trials import Task, Trial

LEAST = 2
SHORT, LONG = 1, 3
"""Rounds of the two calls that come before a tool's first trial, and are no trials."""
MARGIN = 0.9
"""Part of the budget that is planned: the same call takes some percent longer now and then."""
LEAST_PART = 0.1
"""Part of the longer call that a round is at least taken for, where noise makes it less."""


@dataclass(frozen=True)
class Cost:
    """What a trial is expected to take."""

    start_s: float
    """Besides its rounds."""
    round_s: float


def cost(short_s: float, long_s: float) -> Cost:
    """Return the line through calls of `SHORT` and of `LONG` rounds."""
    round_s = max((long_s - short_s) / (LONG - SHORT), LEAST_PART * long_s)
    # If noise made a round longer than it is, nothing is left: all counts as rounds.
    return Cost(max(0.0, long_s - LONG * round_s), min(round_s, long_s / LONG))


def learnt(tool: str, trials: Sequence[Trial]) -> Cost | None:
    """Return what the last trials of a tool took, the slowest round counting; None before any."""
    known = [trial for trial in trials if trial.task.tool == tool and trial.round_s][-3:]
    if not known:
        return None
    start_s = known[-1].start_s
    slowest_s = max((trial.seconds - start_s) / trial.rounds for trial in known)
    return Cost(start_s, max(slowest_s, LEAST_PART * known[-1].round_s))


def rounds(expected: Cost, budget_s: float) -> int:
    """Return how many rounds end within the budget."""
    return max(LEAST, int((MARGIN * budget_s - expected.start_s) / expected.round_s))


def fill(
    act: Callable[[Task, int], Trial], task: Task, trials: Sequence[Trial], budget_s: float
) -> Trial:
    """Make a trial of as many rounds as the budget holds, and note what was expected of it."""
    expected = learnt(task.tool, trials)
    if expected is None:
        # The longer first: what only a first call has to do makes a round look longer, not shorter.
        long_s = act(task, LONG).seconds
        expected = cost(act(task, SHORT).seconds, long_s)
    made = act(task, rounds(expected, budget_s))
    return replace(made, start_s=expected.start_s, round_s=expected.round_s)
