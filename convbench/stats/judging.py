"""Slower or not, decided as the pairs come in, so that the whole procedure keeps its error.

The chance of a false alarm, `Rules.alarm`, is for all cells and all looks together: each cell has
an equal part, and each look at it spends some of that (early looks little). Chances add up at
most, so the sum is a bound, whatever the looks have to do with each other.
"""

import enum
import math
from dataclasses import dataclass, field

from convbench.stats.intervals import Interval, interval
from convbench.stats.rules import Rules

# Fewer pairs cannot be significant at an early look's level.
FIRST_LOOK = 10
_NEXT_LOOK = 1.25
# Of the part of its budget that has gone, a look may have spent this power.
_SPENDING_POWER = 1.5


class Verdict(enum.Enum):
    """What is known of a cell."""

    SLOWDOWN = "slowdown"
    SPEEDUP = "speedup"
    NONE = "no slowdown"
    INCONCLUSIVE = "inconclusive"
    FAILED = "failed"
    ONE_SIDED = "on one side only"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Judgement:
    """What one look at a cell found."""

    interval: Interval
    pairs: int
    verdict: Verdict | None
    """None while it is open."""

    @property
    def ratio(self) -> float:
        """HEAD's time over BASE's: above 1 is slower."""
        return math.exp(self.interval.estimate)


def _relevant(log_ratio: float, threshold: float) -> bool:
    return log_ratio > math.log1p(threshold)


def verdict(found: Interval, rules: Rules, *, final: bool) -> Verdict | None:
    """Return what the interval of one look decides, None if more pairs may decide it.

    At the last look a cell is inconclusive if it looks relevantly slower and is not significant,
    or if a slowdown of twice the threshold cannot be ruled out.
    """
    if found.low > 0 and _relevant(found.estimate, rules.threshold):
        return Verdict.SLOWDOWN
    excluded = not _relevant(found.high, rules.threshold)
    if found.high < 0 and _relevant(-found.estimate, rules.threshold):
        return Verdict.SPEEDUP
    if excluded:
        return Verdict.NONE
    if not final:
        return None
    open_question = _relevant(found.estimate, rules.threshold)
    if open_question or _relevant(found.high, 2 * rules.threshold):
        return Verdict.INCONCLUSIVE
    return Verdict.NONE


@dataclass
class Course:
    """One cell's way to its verdict."""

    rules: Rules
    cells: int
    """How many cells share the chance of a false alarm."""
    log_ratios: list[float] = field(default_factory=list)
    _spent: float = 0.0
    _next_look: int = FIRST_LOOK

    def look(self, gone: float, *, final: bool) -> Judgement | None:
        """Judge what there is, if it is time to; `gone` is the part of the budget that has gone.

        When looks happen depends on the number of pairs and on time, never on what was measured.
        """
        pairs = len(self.log_ratios)
        if not final and pairs < self._next_look:
            return None
        self._next_look = math.ceil(pairs * _NEXT_LOOK)
        share = self.rules.alarm / self.cells
        allowed = share if final else share * min(1.0, gone) ** _SPENDING_POWER
        found = interval(self.log_ratios, max(0.0, allowed - self._spent))
        self._spent += found.level
        return Judgement(found, pairs, verdict(found, self.rules, final=final))
