"""How often something was said, with the interval that so few trials leave."""

from dataclasses import dataclass

from scipy.stats import binomtest

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
