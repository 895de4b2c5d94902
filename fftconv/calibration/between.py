"""Where a size lies between those that were measured, or between a cache and memory."""

from __future__ import annotations

from bisect import bisect_left
from math import log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Bytes that a second-level cache holds from one use to the next, and from which on they come from
#: memory (Xeon, 2 MB a core).
CACHED, BEYOND = 1 << 21, 1 << 26


def neighbours(measured: Sequence[int], size: float) -> tuple[int, float]:
    """Return the place of the size above `size`, and how far it is from the one below to it.

    The share is of logarithms, and 0 or 1 outside of what was measured.

    Examples
    --------
    >>> neighbours((8, 16, 64), 32)
    (2, 0.5)
    """
    at = min(max(bisect_left(measured, size), 1), len(measured) - 1)
    low, high = measured[at - 1], measured[at]
    return at, min(max(log(size / low) / log(high / low), 0.0), 1.0)


def per_byte(size: float, near: float, far: float) -> float:
    """Return what a byte of so many costs that are used again: `near` in a cache, `far` beyond.

    Examples
    --------
    >>> per_byte(1 << 20, 2.0, 8.0), per_byte(1 << 30, 2.0, 8.0)
    (2.0, 8.0)
    """
    _, share = neighbours((CACHED, BEYOND), size)
    return near + (far - near) * share
