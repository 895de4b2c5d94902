"""What the turns of a cell say of its call, and when there are enough: pure, no clock, no torch.

A turn is some dozen milliseconds of calls. What slows a call from outside is never negative, and
not all of it can be seen: so a turn's time is that of its quick calls, of the turns the faster half
is kept, and a cell's time is the median of that. One thing is seen: calls of several threads of
which one waited for a core are left out.
"""

import math
import os
import time
from collections.abc import Sequence

TURN_S = 0.02
"""How long a cell works in one turn."""
PATIENCE_VARIABLE = "FFTCONV_PATIENCE_S"
"""Seconds for which a cell gets more turns while they disagree; with 0 what comes counts."""
TURNS_VARIABLE = "FFTCONV_TURNS"
"""How many turns a cell gets that nothing disturbs, where its calls are short."""
TURNS = 24
"""How many they are otherwise."""
DEADLINE_VARIABLE = "FFTCONV_DEADLINE"
"""When that ends for all cells, in seconds since 1970."""
_PATIENCE_S = 10.0
TOGETHER_VARIABLE = "FFTCONV_TOGETHER"
"""The folder of a run in which asv's plugin says which cells it is of: `benchmarks.together`."""
SLOWDOWN = "slowdown: "
"""How the line begins in which a measured cell says how much slower the machine was than it can be.

The figure is a factor: 1.00 at its best.
"""
FEWEST = 3
"""Turns without which no time is claimed."""

_MOST_TURNS = 1000

# Some hosts take a core twenty thousand times a second, for two microseconds that cost ten. The
# mean of a turn's calls says how often that was, and comes again within 5% in 7 of 10 pairs of
# processes; the time that a fifth of its calls are below, in more than 9 of 10. (76 cells of every
# method, forward and backward, 42 turns each in two processes after each other, shared Xeon.)
_QUICK = 0.2
# About a median's standard error: where it comes to so little, there is enough; where it stays
# above the other, nothing is claimed.
_AGREEMENT, _DISAGREEMENT = 0.006, 0.1
# Calls during which threads waited for a core for so much of the time were short of one. (Waking up
# takes a thread some microseconds: 0.002. Beside a program that has a core for half of the time,
# calls of two threads that met it: 0.2 to 0.6.)
_SHORT_OF_A_CORE = 0.05


def patience_s() -> float:
    """Return the seconds for which a cell may get more turns; 0 to take the first as they are."""
    patience = _seconds(PATIENCE_VARIABLE, _PATIENCE_S, 3600.0)
    deadline = _seconds(DEADLINE_VARIABLE, float("inf"), float("inf"))
    # Without patience every sample counts; after the deadline nobody gets more than is needed.
    return min(patience, max(1e-3, deadline - time.time())) if patience else 0.0


def wanted() -> int:
    """Return how many turns a cell of short calls is to get."""
    text = os.environ.get(TURNS_VARIABLE)
    if text is None:
        return TURNS
    number = int(text) if text.isdecimal() else 0
    if not FEWEST <= number <= _MOST_TURNS:
        limits = f"{FEWEST} to {_MOST_TURNS}"
        raise ValueError(f"{TURNS_VARIABLE} must be a whole number of {limits}, got {text!r}")
    return number


def _seconds(variable: str, default: float, most: float) -> float:
    text = os.environ.get(variable)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value <= most:
        limit = f"0 to {most:g} seconds" if most < float("inf") else "a moment in seconds"
        raise ValueError(f"{variable} must be {limit}, got {text!r}")
    return value


def quick_s(taken: Sequence[float]) -> float:
    """Return what the quick ones of a turn's calls took: a fifth are quicker."""
    return sorted(taken)[int(_QUICK * len(taken))]


def had_cores(elapsed_s: float, waited_s: float) -> bool:
    """Whether threads had their cores, that waited for them for so long, all together."""
    return waited_s <= _SHORT_OF_A_CORE * elapsed_s


def kept(turns: Sequence[float]) -> list[float]:
    """Return the faster half of what a call took in each turn, the fastest first."""
    return sorted(turns)[: max(FEWEST, -(-len(turns) // 2))]


def taken(number_kept: int) -> int:
    """Return how many turns were taken, at least, of which so many were kept."""
    return number_kept if number_kept <= FEWEST else 2 * number_kept - 1


def error(half: Sequence[float]) -> float:
    """Return about what the standard error of the median of what is kept is, relative to it.

    It is the range of the middle half over the root of their number: a turn in fifty meets a moment
    in which nobody else uses the machine, and is faster than all others by a half.
    """
    quarter = len(half) // 4
    return (half[-1 - quarter] / half[quarter] - 1) / math.sqrt(len(half))


def agree(half: Sequence[float]) -> bool:
    """Whether what is kept pins its median down."""
    return error(half) <= _AGREEMENT


def disagree(half: Sequence[float]) -> bool:
    """Whether what is kept is so far apart that its median says nothing."""
    return error(half) > _DISAGREEMENT
