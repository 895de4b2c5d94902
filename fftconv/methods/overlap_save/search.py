"""The cheapest tiling of a case, found by looking at some of its hundreds.

A new image size is to be planned in less time than a small convolution takes, so not every pair of
a height and a width is tried: the best width of one height, the best height of that width, and so
on until neither changes, from a few heights. And images of nearly one size are searched for once:
what was found for one that is a little larger is fitted to each.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, lru_cache
from itertools import product
from math import inf
from typing import TYPE_CHECKING, Any, TypeVar

from fftconv.calibration import machine as calibration
from fftconv.geometry import CASES_KEPT
from fftconv.methods.overlap_save.tiling import (
    Tiling,
    cut,
    fewest_for,
    lengths,
    own_lengths,
    too_large,
    whole_length,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from fftconv.geometry import Geometry, Pair
    from fftconv.methods.overlap_save.tiling import Numbers

Found = TypeVar("Found")


def cheapest(
    geometry: Geometry, item_bytes: int, numbers: Numbers, seconds: Callable[[Tiling], float],
    own: bool = False,
) -> Tiling:  # fmt: skip
    """Return the tiling that takes least time for a case with stride and dilation 1, nearly.

    Of 561 random cases the tiling found took 0.03% longer than the best of all in the mean, and at
    most 11%, in 0.6 ms.

    `numbers` is an engine's, see `fftconv.methods.overlap_save.tiled`. Tilings that need more than
    three times the bytes of input and output are left out; if all do, the one that needs least is
    returned. Of tilings by generated transforms, if they are to be `own`, there is at least one.
    """
    heights, widths = _sides(geometry, own)

    @cache
    def looked(height: int, width: int) -> tuple[float, Tiling]:
        tiling = cut(geometry, (height, width), item_bytes, numbers, own)
        return inf if too_large(geometry, tiling, numbers) else seconds(tiling), tiling

    def cost(height: int, width: int) -> float:
        return looked(height, width)[0]

    # Where many are too large, a descent may end beside them: the best of several is taken.
    starts = dict.fromkeys(heights[len(heights) * part // 4] for part in (1, 2, 3))
    ends = [_descended(height, heights, widths, cost) for height in (*starts, heights[-1])]
    at = min(ends, key=lambda end: cost(*end))
    if cost(*at) < inf:
        return looked(*at)[1]
    tilings = every(geometry, item_bytes, numbers, own)
    small = [tiling for tiling in tilings if not too_large(geometry, tiling, numbers)]
    if small:
        return min(small, key=seconds)
    return min(tilings, key=lambda tiling: numbers(geometry, tiling))


def _descended(
    height: int, heights: list[int], widths: list[int], cost: Callable[[int, int], float]
) -> Pair:
    """Return sides that neither another height nor another width makes cheaper."""
    at, before = (height, widths[0]), None
    while at != before:
        before = at
        width = min(widths, key=lambda width: cost(at[0], width))
        at = min(heights, key=lambda height: cost(height, width)), width
    return at


def every(geometry: Geometry, item_bytes: int, numbers: Numbers, own: bool = False) -> list[Tiling]:
    """Return all tilings of a case, too large or not, the largest tiles last."""
    sides = _sides(geometry, own)
    return [cut(geometry, fft, item_bytes, numbers, own) for fft in product(*sides)]


def _sides(geometry: Geometry, own: bool) -> tuple[list[int], list[int]]:
    among = own_lengths if own else lengths
    return among(geometry, 0), among(geometry, 1)


def rounded(geometry: Geometry) -> Geometry:
    """Return the case with each side of its images made longer, by a 32nd at most."""
    steps = (1 << max(0, side.bit_length() - 6) for side in geometry.input_size)
    height, width = (
        -(-s // step) * step for s, step in zip(geometry.input_size, steps, strict=True)
    )
    if (height, width) == geometry.input_size:
        return geometry
    return replace(geometry, input_size=(height, width))


def once(
    search: Callable[[Geometry, int, int], Found], geometry: Geometry, item_bytes: int, threads: int
) -> Found:
    """Return what a search of an engine's finds, from memory if it was asked before."""
    found: Found = _once(search, geometry, item_bytes, threads, calibration.generation)
    return found


@lru_cache(maxsize=CASES_KEPT)
def _once(
    search: Callable[[Geometry, int, int], Any], geometry: Geometry, item_bytes: int, threads: int,
    _generation: int,
) -> Any:  # fmt: skip
    return search(geometry, item_bytes, threads)


def fitted(geometry: Geometry, larger: Geometry, fft: Pair) -> Pair:
    """Return transforms for a case, from those that a larger one is cut up by.

    As many tiles as before are made as short as they may be; who took in the whole image, does.
    """
    height, width = (
        whole_length(geometry, axis)
        if fft[axis] == whole_length(larger, axis)
        else min(fewest_for(geometry, axis, fft[axis]), whole_length(geometry, axis))
        for axis in (0, 1)
    )
    return height, width
