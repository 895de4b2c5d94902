"""What tiles of many sizes and products of spectra cost, measured."""

from __future__ import annotations

from math import log2, sqrt
from typing import TYPE_CHECKING, TypeAlias

import torch

from fftconv.calibration.constants import STRIP, Generated, Tile
from fftconv.calibration.machine import defaults
from fftconv.geometry import Geometry
from fftconv.methods.overlap_save.cost import FAR, NEAR
from fftconv.methods.overlap_save.many_channels import rates as many_channels
from fftconv.methods.overlap_save.products import multiply
from fftconv.methods.overlap_save.tiling import Tiling
from fftconv.methods.timing import best_s, each_map, fitted, serial_s

if TYPE_CHECKING:
    from collections.abc import Callable

    from fftconv.geometry import Pair
    from fftconv.methods.method import Found, Method

    Cut: TypeAlias = Callable[[Callable[[Geometry, int], Tiling]], Method]

#: Sides of the tiles that are timed. Neighbours differ by a third or more: 128 is fast, 144 is not.
TILES = (
    32, 48, 64, 72, 80, 96, 112, 128, 144, 160, 192, 216, 240, 256, 288, 320, 384, 432, 480, 512,
    576, 640, 768, 1024, 1152, 2048,
)  # fmt: skip
#: Numbers of the tiles that are timed at a time, at most: what a pass has in the caches.
TILE_NUMBERS = 1 << 19


def measure(cut: Cut, dtype: torch.dtype) -> Found:
    """Time tiles and products; `cut` makes the method with tiles that are told."""
    yield 0.0, f"tiles, {dtype}", {}
    call, product = call_s(cut), _product_per_pixel(cut, dtype)
    tiles = tuple(_tile(cut, side, dtype, call, product) for side in TILES)
    yield 0.7, f"generated transforms, {dtype}", {"tiles": tiles, "product": product}
    near, far = (
        _trip_s(cut, (side, side), dtype, call, product, own=True) / log2(side**2)
        for side in (NEAR, FAR)
    )
    yield 0.8, f"products, {dtype}", {"generated": Generated(near, far)}
    plane, per_filter, matrix = _products(dtype)
    found = {"plane": plane, "filter": per_filter, "matrix": matrix}
    yield 0.9, f"many channels, {dtype}", found
    yield 1.0, "", {"dense": many_channels.measure(dtype)}


def call_s(cut: Cut) -> float:
    """Return the seconds per map of an image that is transformed as a whole, of next to nothing.

    That is of the forward pass; the gradients take longer alone, and together they share.
    """
    geometry = Geometry.of((1, 1, 16, 16), (1, 1, 9, 9))
    subject = cut(lambda *_: Tiling((16, 16), geometry.output_size, (1, 1), 1, 1))
    _, forward = next(each_map(subject, geometry, torch.float32))
    return serial_s(forward)


def _tile(cut: Cut, side: int, dtype: torch.dtype, call: float, product: float) -> Tile:
    shapes = (STRIP, side), (side, STRIP), (side, side)
    return Tile(side, *(_trip_s(cut, shape, dtype, call, product) for shape in shapes))


def _trip_s(
    cut: Cut, fft: Pair, dtype: torch.dtype, call: float, product: float, own: bool = False
) -> float:
    """Time tiles of one size where they lie in an image, as many on each thread."""
    threads, pixels = torch.get_num_threads(), fft[0] * fft[1]
    taps = tuple(min(31, 1 + side // 4) for side in fft)
    step = fft[0] - taps[0] + 1, fft[1] - taps[1] + 1
    columns = max(1, round(sqrt(TILE_NUMBERS / pixels)))
    grid = threads * max(1, TILE_NUMBERS // (pixels * columns * threads)), columns
    size = (n * s + k - 1 for n, s, k in zip(grid, step, taps, strict=True))
    geometry = Geometry.of((1, 1, *size), (1, 1, *taps))
    tiles = Tiling(fft, step, grid, 1, 1, own)
    _, forward = next(each_map(cut(lambda *_: tiles), geometry, dtype))
    taken = best_s(forward)
    there_and_back = max(taken - call, 0.1 * taken) * threads / (grid[0] * grid[1] * pixels)
    return max(there_and_back - product, 0.1 * there_and_back) / 2


def _product_per_pixel(cut: Cut, dtype: torch.dtype) -> float:
    """Return thread-seconds per pixel of a product: what four channels take more that all mix."""
    side, batch, channels = 64, 16, 4
    pixels = batch * channels * side**2
    seconds = [
        _images_s(cut, side, batch, channels, groups, dtype) * torch.get_num_threads()
        for groups in (channels, 1)
    ]
    shipped = defaults().precision(dtype.itemsize)
    trip = next(tile.square for tile in shipped.tiles if tile.side == side)
    counts = (2 * pixels, pixels), (2 * pixels, channels * pixels)
    return fitted(counts, seconds, (trip, shipped.product))[1]


def _images_s(
    cut: Cut, side: int, batch: int, channels: int, groups: int, dtype: torch.dtype
) -> float:
    """Return the seconds of the forward pass over images that are a tile each."""
    geometry = Geometry.of(
        (batch, channels, side, side), (channels, channels // groups, 3, 3), groups=groups
    )
    whole = Tiling((side, side), geometry.output_size, (1, 1), batch, 1)
    _, forward = next(each_map(cut(lambda *_: whole), geometry, dtype))
    return best_s(forward)


def _products(dtype: torch.dtype) -> tuple[float, ...]:
    """Return the rates of `Precision.plane`, `filter` and `matrix`."""
    few, many, images = 8, 32, 16
    cases = ((1, many), (images, many), (images, few))
    counts = [[2 * n * c, c * c, n * c * c] for n, c in cases]
    seconds = [_product_s(c, n, dtype) for n, c in cases]
    shipped = defaults().precision(dtype.itemsize)
    return fitted(counts, seconds, (shipped.plane, shipped.filter, shipped.matrix))


def _product_s(channels: int, images: int, dtype: torch.dtype) -> float:
    """Return thread-seconds per place of the spectra, for the product over all channels."""
    side = 32
    shape = images, channels, 1, 1, side, side // 2 + 1
    x = torch.randn(shape, dtype=dtype.to_complex())
    w = torch.randn((shape[1], channels, *shape[2:]), dtype=dtype.to_complex())
    geometry = Geometry.of((images, channels, side, side), (channels, channels, 9, 9))
    places = shape[4] * shape[5]
    return best_s(lambda: multiply(x, w, geometry)) * torch.get_num_threads() / places
