"""How far values that should be the same are apart."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

CLOSE = 1.05
"""Two values that differ by less are said to repeat."""


def apart(a: float, b: float) -> float:
    """Return the larger of two positive values over the smaller."""
    return max(a, b) / min(a, b)


@dataclass(frozen=True)
class Spread:
    """What a set of ratios, none below one, amounts to."""

    count: int
    close: float
    """Share of them within `CLOSE`."""
    p95: float
    worst: float


def spread(ratios: Sequence[float]) -> Spread:
    """Summarise ratios; with none of them every figure is NaN.

    The 95th percentile is the smallest ratio that 95% of them do not exceed.
    """
    if not ratios:
        return Spread(0, math.nan, math.nan, math.nan)
    ordered = sorted(ratios)
    place = math.ceil(0.95 * len(ordered)) - 1
    close = sum(ratio <= CLOSE for ratio in ordered) / len(ordered)
    return Spread(len(ordered), close, ordered[place], ordered[-1])
