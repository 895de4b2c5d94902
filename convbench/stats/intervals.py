"""The ratio of a cell and its interval, from the log-ratios of independent pairs.

Wilcoxon's signed ranks: the estimate is the median of all averages of two (Hodges and Lehmann),
the bounds are two others of those averages. That is exact, for few pairs too, whatever the noise
looks like, as long as it is symmetric; and where both commits are the same code it is, because
swapping the two sides of a pair changes nothing.
"""

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """An estimate of a log-ratio, and how far it can be off on either side."""

    estimate: float
    low: float
    high: float
    level: float
    """Chance that the true value is below `low`, and that it is above `high`; each at most this."""


@functools.cache
def _signed_rank_cdf(count: int) -> Floats:
    """Chance of each sum of signed ranks, or a smaller one, of `count` symmetric numbers."""
    chances = np.zeros(count * (count + 1) // 2 + 1)
    chances[0] = 1.0
    for rank in range(1, count + 1):
        chances[rank:] += chances[:-rank].copy()
        chances /= 2
    cdf: Floats = np.cumsum(chances)
    return cdf


def interval(log_ratios: list[float], level: float) -> Interval:
    """Return estimate and bounds; a bound that so few pairs cannot give is infinite."""
    values = np.asarray(log_ratios, dtype=np.float64)
    if len(values) == 0:
        return Interval(float("nan"), -np.inf, np.inf, 0.0)
    first, second = np.triu_indices(len(values))
    averages = np.sort((values[first] + values[second]) / 2)
    estimate = float(np.median(averages))
    cdf = _signed_rank_cdf(len(values))
    # The last sum whose chance is within the level, counted from one; none makes it zero.
    place = int(np.searchsorted(cdf, level, side="right"))
    if place == 0:
        return Interval(estimate, -np.inf, np.inf, 0.0)
    return Interval(
        estimate, float(averages[place - 1]), float(averages[-place]), float(cdf[place - 1])
    )
