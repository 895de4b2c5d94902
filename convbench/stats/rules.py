"""What counts as a slowdown, and how sure it has to be."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rules:
    """What counts, and how sure it has to be."""

    threshold: float = 0.02
    """A smaller slowdown is not relevant, however sure it is."""
    alarm: float = 0.01
    """Chance of calling anything a slowdown where nothing has changed, at most."""
