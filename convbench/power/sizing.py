"""How much a tool does in a trial, so that it fills the budget: learnt from its earlier trials."""

from collections.abc import Sequence

from convbench.power.trials import Trial

LEAST = 2


def rounds(
    tool: str, trials: Sequence[Trial], budget_s: float, start_s: float, one_s: float
) -> int:
    """Return how many rounds, or processes, of a tool fill the budget.

    `start_s` is what it takes besides; `one_s` a first guess of one round, which the slowest of
    the last trials corrects: a trial is to end within the budget, not around it.
    """
    known = [t for t in trials if t.task.tool == tool and t.rounds][-3:]
    taken = max(((t.seconds - start_s) / t.rounds for t in known), default=one_s)
    return max(LEAST, int((budget_s - start_s) / max(taken, 0.1)))
