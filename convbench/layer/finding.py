"""What a check of a layer found: the outcome, the line of code, how to mend it."""

import enum
from dataclasses import dataclass, replace

from convbench.layer.places import Place


class Outcome(enum.Enum):
    """How a check ended."""

    PASS = "pass"
    FAIL = "FAIL"
    UNSURE = "unsure"
    NONE = "-"
    """The question makes no sense for this layer."""


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    check: str
    """The check's name."""
    outcome: Outcome
    said: str
    """What was found, a sentence."""
    place: Place | None = None
    """The line of code that it is about."""
    mend: str = ""
    """What to do about it; of failures only."""

    def of(self, check: str) -> "Finding":
        """Return the same under the name that a check goes by."""
        return replace(self, check=check)


def passed(said: str) -> Finding:
    """Return that all is well."""
    return Finding("", Outcome.PASS, said)


def failed(said: str, place: Place | None, mend: str) -> Finding:
    """Return a fault."""
    return Finding("", Outcome.FAIL, said, place, mend)


def unsure(said: str, place: Place | None = None) -> Finding:
    """Return that the check could not tell."""
    return Finding("", Outcome.UNSURE, said, place)


def not_applicable(said: str) -> Finding:
    """Return why the question makes no sense for this layer."""
    return Finding("", Outcome.NONE, said)
