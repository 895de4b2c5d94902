"""The seconds of a layer's directions and of its reference's, measured in turns.

Contenders take turns, in an order drawn by lot, so that a busy spell of the machine meets all of
them; their medians are compared round by round, which cancels what a round had in common.
"""

import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from convbench.stats.intervals import interval

Call = Callable[[], object]

LEVEL = 0.025
"""Chance that a value is below its interval, and that it is above it."""
_SAMPLE_S = 0.002
_BUDGET_S = 1.5
_LEAST, _MOST = 7, 41


@dataclass(frozen=True)
class Estimate:
    """A median of positive numbers, and its interval at `LEVEL` on either side."""

    value: float
    low: float
    high: float

    @property
    def interval(self) -> tuple[float, float]:
        """Both bounds."""
        return self.low, self.high


def estimate(values: list[float]) -> Estimate:
    """Return what independent, positive numbers amount to."""
    found = interval([math.log(value) for value in values], LEVEL)
    return Estimate(*(math.exp(x) for x in (found.estimate, found.low, found.high)))


@dataclass(frozen=True)
class Sampled:
    """The seconds of one contender, one sample a round."""

    samples_s: tuple[float, ...]

    @property
    def seconds(self) -> Estimate:
        """The seconds of a call."""
        return estimate(list(self.samples_s))

    def over(self, other: "Sampled") -> Estimate:
        """Return the ratio of this one's seconds to the other's, from pairs of the same round."""
        pairs = zip(self.samples_s, other.samples_s, strict=True)
        return estimate([mine / theirs for mine, theirs in pairs])


def _seconds(call: Call, count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        call()
    return max(time.perf_counter() - start, 1e-9) / count


def in_turns(calls: Mapping[str, Call]) -> dict[str, Sampled]:
    """Return the samples of each call: as many rounds as the budget has time for."""
    for call in calls.values():
        call()  # compiles, and fills caches
    once = {name: min(_seconds(call, 1) for _ in range(3)) for name, call in calls.items()}
    counts = {name: max(1, math.ceil(_SAMPLE_S / seconds)) for name, seconds in once.items()}
    round_s = sum((counts[name] + 1) * once[name] for name in calls)
    rounds = max(_LEAST, min(_MOST, int(_BUDGET_S / round_s)))
    dice = random.Random(0)
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name in dice.sample(list(calls), len(calls)):
            calls[name]()  # brings caches and threads back to this contender
            samples[name].append(_seconds(calls[name], counts[name]))
    return {name: Sampled(tuple(found)) for name, found in samples.items()}
