"""Predicted seconds of overlap-save: what its tiles amount to, times a machine's constants."""

from __future__ import annotations

from bisect import bisect_left
from math import log, sqrt
from typing import TYPE_CHECKING

from fftconv.calibration.machine import STRIP
from fftconv.methods.overlap_save import few_channels
from fftconv.methods.overlap_save.tiling import keeps_spectra

if TYPE_CHECKING:
    from collections.abc import Callable

    from fftconv.calibration.machine import Machine, Precision, Tile
    from fftconv.geometry import Geometry
    from fftconv.methods.maps import Map
    from fftconv.methods.overlap_save.tiling import Tiling


def overlap_save_s(
    names: tuple[Map, ...],
    geometry: Geometry,
    tiling: Tiling,
    item_bytes: int,
    machine: Machine,
    threads: int,
) -> float:
    """Predict tiled FFTs for one map, for both gradients, or for all three: they share spectra."""
    rates = machine.precision(item_bytes)
    model = _by_tile if few_channels.serves(geometry, on_cpu=True) else _by_channel
    return model(names, geometry, tiling, machine.fft_call, rates, threads)


def _by_tile(
    names: tuple[Map, ...],
    geometry: Geometry,
    tiling: Tiling,
    call: float,
    rates: Precision,
    threads: int,
) -> float:
    """Predict passes that threads share piece by piece (`few_channels`)."""
    pixels = tiling.fft[0] * tiling.fft[1]
    pieces = geometry.batch * geometry.groups * _area(tiling.grid)
    if pieces * pixels < few_channels.SERIAL_NUMBERS:
        threads = 1
    trip, product = pixels * _trip(rates, tiling), pixels * rates.product
    ins, outs = geometry.in_channels // geometry.groups, geometry.out_channels // geometry.groups
    pairs = ins * outs
    weights = -(-geometry.out_channels * ins // threads)
    # Weights that are learned are transformed anew each time; others are kept.
    seconds = weights * trip if "grad_input" in names else 0.0
    if "forward" in names:
        seconds += call + -(-pieces // threads) * ((ins + outs) * trip + pairs * product)
    if names == ("forward",):
        return seconds
    share, shares = few_channels.shares(geometry, tiling)
    row = outs * trip
    if "grad_input" in names:
        row += ins * trip + pairs * product
    if "grad_weight" in names:
        row += pairs * product
        if "forward" not in names or not keeps_spectra(geometry, tiling):
            row += ins * trip
        seconds += weights * (trip + shares * product)
    rounds = -(-geometry.groups * shares // threads)
    return seconds + 2 * call + rounds * share * tiling.grid[1] * row


def _by_channel(
    names: tuple[Map, ...],
    geometry: Geometry,
    tiling: Tiling,
    call: float,
    rates: Precision,
    threads: int,
) -> float:
    """Predict products of all tiles at once over many channels (`torch_engine`)."""
    trip = tiling.fft[0] * tiling.fft[1] * _trip(rates, tiling)
    tiles = geometry.batch * _area(tiling.grid)
    per_group = geometry.in_channels // geometry.groups
    weights = geometry.out_channels * per_group
    channels = geometry.in_channels + geometry.out_channels
    trips = tiles * channels * len(names) + weights * len({*names} - {"grad_input"})
    if len(names) > 1:
        trips -= tiles * channels // 2  # a spectrum or more are shared
    chunks = -(-geometry.batch // tiling.images) * -(-tiling.grid[0] // tiling.rows)
    product = tiles * weights * rates.matrix + tiles * channels * rates.plane
    product += chunks * weights * rates.filter
    return (
        call * chunks * len(names)
        + (trips * trip + len(names) * tiling.spectrum * product) / threads
    )


def _trip(rates: Precision, tiling: Tiling) -> float:
    """Return thread-seconds per pixel of a tile's way there or back.

    Each side costs what it costs in a strip; a large tile costs more than its sides, since it
    leaves the cache.
    """
    tiles = rates.tiles
    height, width = tiling.fft
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
    at = min(max(bisect_left(tiles, length, key=lambda tile: tile.side), 1), len(tiles) - 1)
    low, high = tiles[at - 1], tiles[at]
    share = min(max(log(length / low.side) / log(high.side / low.side), 0.0), 1.0)
    return cost(low) * (1 - share) + cost(high) * share


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]
