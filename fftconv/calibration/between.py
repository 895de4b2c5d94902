"""Where a size lies between those that were measured."""

from __future__ import annotations

from bisect import bisect_left
from math import log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


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
