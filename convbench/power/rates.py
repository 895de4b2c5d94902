"""How often something was said, with the interval that so few trials leave."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from scipy.stats import binomtest

from convbench.power.trials import FOUND, Trial

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Rate:
    """How many of some trials found a slowdown."""

    found: int
    trials: int
    inconclusive: int
    """Trials that said neither."""
    median_s: float | None
    """What a trial took; None where it was replayed."""

    @property
    def value(self) -> float:
        """The share that found one."""
        return self.found / self.trials

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's interval of the share, at `CONFIDENCE`."""
        found = binomtest(self.found, self.trials).proportion_ci(CONFIDENCE, method="wilson")
        return float(found.low), float(found.high)


Rates = dict[str, dict[float, Rate]]
"""Way of asking to injected slowdown to its rate."""


def rates(trials: Iterable[Trial]) -> Rates:
    """Count what the live trials said."""
    grouped: dict[str, dict[float, list[tuple[str, float]]]] = {}
    for trial in trials:
        for way, said in trial.verdicts.items():
            of_way = grouped.setdefault(way, {})
            of_way.setdefault(trial.task.share, []).append((said, trial.seconds))
    return {
        way: {share: _rate(said) for share, said in sorted(of_way.items())}
        for way, of_way in sorted(grouped.items())
    }


def _rate(answers: list[tuple[str, float]]) -> Rate:
    said = [answer for answer, _ in answers]
    return Rate(
        found=said.count(FOUND),
        trials=len(said),
        inconclusive=sum(answer in ("inconclusive", "failed") for answer in said),
        median_s=statistics.median(seconds for _, seconds in answers),
    )
