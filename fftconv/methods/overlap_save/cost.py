"""What the way of a tile costs, there or back: what the engines' predictions have in common."""

from __future__ import annotations

from math import inf, log2, sqrt
from typing import TYPE_CHECKING

from fftconv.calibration.between import neighbours
from fftconv.calibration.constants import STRIP, Generated
from fftconv.calibration.machine import processor
from fftconv.methods.overlap_save import mkl

if TYPE_CHECKING:
    from collections.abc import Callable

    from fftconv.calibration.constants import Precision, Tile
    from fftconv.methods.overlap_save.tiling import Tiling


#: Numbers whose way takes as long as what a tile of one row costs however short it is: a call of
#: MKL and the ends of its loops, a tenth of a microsecond at three numbers a nanosecond. A quarter
#: to four times as many makes 1% of difference (5 cases of 4096 to 65,536 numbers, AVX2).
ROW_OVERHEAD = 300


#: Of generated transforms, where the constants have none (those of a Xeon, which has no need of
#: them, on another's processor): on AVX2 (Zen 3), for four bytes. Wider vectors are faster.
GENERATED = Generated(near=7.0e-11, far=7.5e-11)
#: Sides of squares that are near and far, and those that are timed for them.
NEAR, FAR = 96, 192
#: How many times longer MKL takes on a processor that is not Intel's (Zen 3: 2.6 to 5 times as long
#: as generated transforms, which on Intel's processors take about as long as MKL).
FOREIGN = 3.0


def way(rates: Precision, tiling: Tiling, item_bytes: int) -> float:
    """Return thread-seconds per pixel of a tile's way by the transforms that it is to have.

    Where nobody has measured the generated ones, MKL is what Intel's processors have.
    """
    generated = rates.generated
    intel = generated is None and "Intel" in processor()
    if not tiling.own:
        foreign = generated is None and not intel
        return trip(rates, tiling) * (FOREIGN if foreign else 1.0)
    if intel and mkl.available():
        return inf
    near, far = (
        (generated.near, generated.far)
        if generated is not None
        else (rate * item_bytes / 4 for rate in (GENERATED.near, GENERATED.far))
    )
    pixels = tiling.fft[0] * tiling.fft[1]
    _, share = neighbours((NEAR, FAR), sqrt(pixels))
    return log2(pixels) * (near * (1 - share) + far * share)


def trip(rates: Precision, tiling: Tiling) -> float:
    """Return thread-seconds per pixel of a tile's way there or back.

    Each side costs what it costs in a strip; a large tile costs more than its sides, since it
    leaves the cache.
    """
    found = rates.trips.get(tiling.fft)
    if found is None:
        found = rates.trips[tiling.fft] = _trip(rates.tiles, *tiling.fft)
    return found


def _trip(tiles: tuple[Tile, ...], height: int, width: int) -> float:
    if height == 1:
        # What is left of a strip without its columns' transforms, which are half of the work.
        along = _wide(tiles, width)
        row = max(along - _wide(tiles, STRIP) / 2, along / 4)
        return row * (1 + ROW_OVERHEAD / width)
    sides = _tall(tiles, height) + _wide(tiles, width) - _wide(tiles, STRIP)
    return sides + _between(
        tiles,
        sqrt(height * width),
        lambda tile: max(0.0, tile.square - tile.wide - tile.tall + _wide(tiles, STRIP)),
    )


def _wide(tiles: tuple[Tile, ...], length: float) -> float:
    """Return the cost of a strip of `length` columns."""
    return _between(tiles, length, lambda tile: tile.wide)


def _tall(tiles: tuple[Tile, ...], length: float) -> float:
    """Return the cost of a strip of `length` rows."""
    return _between(tiles, length, lambda tile: tile.tall)


def _between(tiles: tuple[Tile, ...], length: float, cost: Callable[[Tile], float]) -> float:
    """Interpolate between the sides that were measured, by their logarithms."""
    at, share = neighbours([tile.side for tile in tiles], length)
    return cost(tiles[at - 1]) * (1 - share) + cost(tiles[at]) * share
