"""Which cells are compared: those of asv's timed benchmarks that a regular expression finds."""

import argparse
import itertools
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import FrameType

from convbench.command_line.arguments import pattern
from convbench.command_line.failure import MisuseError
from convbench.suite.facts import UNSAID
from convbench.suite.place import is_elsewhere

# The expression is the user's, and Python's engine can take exponential time over one.
_MATCHING_S = 2.0


@dataclass(frozen=True)
class Cell:
    """One benchmark with one value of each parameter."""

    benchmark: str
    index: int | None
    """Place among the benchmark's cells, as asv counts; None if it has no parameters."""
    params: tuple[str, ...]
    """As asv writes them: the `repr` of each."""

    def __str__(self) -> str:
        """Name the cell as asv's ``--bench`` sees it."""
        return f"{self.benchmark}({', '.join(self.params)})" if self.params else self.benchmark

    @property
    def names(self) -> tuple[str, ...]:
        """Name the cell in each way in which a user may: old commands go on finding it."""
        if UNSAID not in self.params or is_elsewhere():
            return (str(self),)
        said = tuple(param for param in self.params if param != UNSAID)
        return str(self), str(replace(self, params=said))


def cells(benchmarks: dict[str, list[list[str]]]) -> list[Cell]:
    """Return the cells of benchmarks given with their parameters, in asv's order."""
    found = []
    for name, axes in sorted(benchmarks.items()):
        for index, params in enumerate(itertools.product(*axes)):
            found.append(Cell(name, index if axes else None, params))
    return found


def compiled(text: str) -> "re.Pattern[str]":
    """Return the regular expression.

    Raises
    ------
    MisuseError
        It is none.
    """
    try:
        return pattern(text)
    except argparse.ArgumentTypeError as error:
        raise MisuseError(f"--bench {error}") from None


def both_sided(
    base: dict[str, list[list[str]]], head: dict[str, list[list[str]]]
) -> list[tuple[Cell, str | None]]:
    """Return the cells of either side; beside one that the other side lacks, whose it is."""
    before, after = cells(base), cells(head)
    only_base, only_head = set(before) - set(after), set(after) - set(before)
    found: list[tuple[Cell, str | None]] = [
        (cell, "HEAD" if cell in only_head else None) for cell in after
    ]
    return found + [(cell, "BASE") for cell in before if cell in only_base]


def selected(
    known: list[tuple[Cell, str | None]], expression: "re.Pattern[str]"
) -> list[tuple[Cell, str | None]]:
    """Return the cells whose names `expression` finds.

    Raises
    ------
    MisuseError
        There are none, or the expression takes seconds over a few names.
    """
    with _alarm(_MATCHING_S, f"--bench {expression.pattern!r} takes too long to match"):
        found = [entry for entry in known if any(map(expression.search, entry[0].names))]
    if not found:
        example = f" (there is {known[0][0]}, for one)" if known else ""
        raise MisuseError(f"--bench {expression.pattern!r} finds no timed benchmark{example}")
    return found


@contextmanager
def _alarm(seconds: float, message: str) -> Iterator[None]:
    """Raise `MisuseError` in the block after some seconds: re looks for signals as it matches.

    Seconds of this process's own computing, so that a busy machine does not ring.
    """

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise MisuseError(message)

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
