"""How often each way of asking found each slowdown."""

import statistics
from collections.abc import Iterable

from convbench.power.trials import FOUND, Trial
from convbench.stats.rates import Rate

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
