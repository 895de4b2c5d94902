"""Which samples of a call count, and when there are enough of them: pure, no clock and no torch.

A window is as many calls as fill some milliseconds. It counts if nothing disturbed it. What slows a
call from outside is never negative, and not all of it can be seen; so of the windows that count the
faster half is kept, and a cell's time is the median of that.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

WINDOW_S = 0.002
"""What the calls of a window are to take together: quiet moments may be as short as this."""
PATIENCE_VARIABLE = "FFTCONV_PATIENCE_S"
"""Seconds that a cell waits for the machine's best pace; with 0 every sample counts."""
DEADLINE_VARIABLE = "FFTCONV_DEADLINE"
"""When waiting ends for all cells, in seconds since 1970."""
# A busy neighbour comes and goes within seconds or minutes. While it is there, cells that do not
# wait are only slowed one after the other; and when it has gone, each takes a third of a second.
_PATIENCE_S = 10.0
READING = 1.12
"""By what factor one reading of a probe may be above another of the same pace.

Where nothing else runs, nine in ten are within 6% of their median. A core that something else uses,
too, is slower by a fifth to a half.
"""
SLOWDOWN = "slowdown: "
"""How the line begins in which a measured cell says how much slower the machine was than it can be.

The figure is a factor: 1.00 at its best.
"""
FEWEST = 3
"""Windows without which no time is claimed."""

# Of the processor time that the cell's threads usually get. (How often the kernel took a core says
# less: it does so for some microseconds of its own each few milliseconds.)
_SHARE = 0.97
# Sharing a core, its caches and its clock rate makes a probe this much slower at most; one that is
# slower still waited for a thread or a core.
_SLOWEST = 2.5
# Half the range of what is kept over the root of its number: about a median's standard error.
_AGREEMENT = 0.006


def patience_s() -> float:
    """Return the seconds that a cell may wait for a quiet machine; 0 to take it as it is."""
    patience = _seconds(PATIENCE_VARIABLE, _PATIENCE_S, 3600.0)
    deadline = _seconds(DEADLINE_VARIABLE, float("inf"), float("inf"))
    # Without patience every sample counts; after the deadline nobody waits.
    return min(patience, max(1e-3, deadline - time.time())) if patience else 0.0


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


@dataclass(frozen=True)
class Window:
    """One sample, and what went with it."""

    call_s: float
    """Seconds of one call: of the wall's clock, or of the processor's where one thread works."""
    wall_s: float
    share: float
    """Processor time of all threads over the wall's."""
    stolen: int
    """Ticks that the host says it gave to other guests meanwhile."""
    probe_s: float
    """The slower of the probes before and after."""


def counting(windows: Sequence[Window], *, one_thread: bool) -> list[Window]:
    """Return the windows that nothing interrupted.

    Parameters
    ----------
    windows
        Those of one cell, of one pace.
    one_thread
        Whether a single thread works: its own processor's time stands still while something else
        has the core, so that an interruption does not count.
    """
    fast = [w for w in windows if not w.stolen]
    if one_thread or not fast:
        return fast
    shares = sorted(w.share for w in fast)
    usual = shares[int(0.9 * (len(shares) - 1))]
    return [w for w in fast if w.share >= _SHARE * usual]


def at_one_pace(
    windows: Sequence[Window], best_s: float, enough: int, *, one_thread: bool
) -> list[Window]:
    """Return the windows that count, of the fastest pace at which there are enough of them.

    What something else on the same physical core costs is not added, it is a factor; so windows
    of different paces are not held against each other, and a mean of them would say what the
    neighbour did. If there are enough at no pace, the most that there are at any.

    Parameters
    ----------
    windows
        Those of one cell.
    best_s
        What a probe takes at its best.
    enough, one_thread
        How many windows make a cell's time; see `counting`.
    """
    most: list[Window] = []
    slower = {w.probe_s for w in windows if best_s < w.probe_s <= _SLOWEST * best_s}
    for pace_s in (best_s, *sorted(slower)):
        least_s = pace_s if pace_s > best_s else 0.0
        found = [w for w in windows if least_s <= w.probe_s <= READING * pace_s]
        found = counting(found, one_thread=one_thread)
        if len(found) >= enough:
            return found
        most = max(most, found, key=len)
    return most


def pace_s(windows: Sequence[Window], best_s: float) -> float:
    """Return what a probe took beside windows, in the median of its readings.

    Readings that waited for a core say nothing of how fast the cores are. Beside long calls all may
    have: a thread that slept meanwhile wakes up late.
    """
    readings = sorted(w.probe_s for w in windows)
    of_cores = [reading for reading in readings if reading <= _SLOWEST * best_s]
    return of_cores[len(of_cores) // 2] if of_cores else _SLOWEST * best_s


def kept(counted: Sequence[Window]) -> list[Window]:
    """Return the faster half of the windows that count, the fastest first."""
    ordered = sorted(counted, key=lambda w: w.call_s)
    return ordered[: max(FEWEST, -(-len(ordered) // 2))]


def counted(number_kept: int) -> int:
    """Return how many windows counted, at least, of which so many were kept."""
    return number_kept if number_kept <= FEWEST else 2 * number_kept - 1


def enough(wanted: int) -> int:
    """Return how many windows of one pace make a cell's time, where so many were wanted."""
    return max(FEWEST, wanted // 4)


def agree(half: Sequence[Window], wanted: int) -> bool:
    """Whether what is kept pins its median down, and is enough of the `wanted` windows."""
    if len(half) < enough(wanted):
        return False
    spread = half[-1].call_s / half[0].call_s - 1
    return bool(spread / 2 / len(half) ** 0.5 <= _AGREEMENT)
