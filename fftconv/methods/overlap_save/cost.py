"""What the way of a tile costs, there or back: what the engines' predictions have in common."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

from fftconv.calibration.between import neighbours
from fftconv.calibration.machine import STRIP

if TYPE_CHECKING:
    from collections.abc import Callable

    from fftconv.calibration.machine import Precision, Tile
    from fftconv.methods.overlap_save.tiling import Tiling


#: Numbers whose way takes as long as what a tile of one row costs however short it is: a call of
#: MKL and the ends of its loops, a tenth of a microsecond at three numbers a nanosecond. A quarter
#: to four times as many makes 1% of difference (5 cases of 4096 to 65,536 numbers, AVX2).
ROW_OVERHEAD = 300


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
