"""Predicted seconds of each map by each method: counted work times a machine's constants."""

from __future__ import annotations

from bisect import bisect_left
from math import log, sqrt
from typing import Literal

import torch

from fftconv.geometry import Geometry
from fftconv.kernels.division import divide, work
from fftconv.methods.compiled import forward_shape, grad_input_shape, grad_weight_shape
from fftconv.methods.tiling import Tiling
from fftconv.methods.unit import is_unit, pieces
from fftconv.planning.machine import Machine, Rate, Transform

Map = Literal["forward", "grad_input", "grad_weight"]
MAPS: tuple[Map, ...] = ("forward", "grad_input", "grad_weight")

#: Operations and copies of tiles, relative to those of an image that is transformed as a whole.
_TILED_CALLS = 2.5
_TILED_COPIES = 6.0


def native_s(name: Map, geometry: Geometry, item_bytes: int, machine: Machine) -> float:
    """Predict torch's convolution from its rate for the nearest channels, between filter sizes."""
    groups = geometry.groups
    channels = geometry.in_channels // groups, geometry.out_channels // groups, groups
    rates = machine.precision(item_bytes).native
    rate = min(rates, key=lambda rate: _distance(channels, rate.channels))
    side = sqrt(geometry.kernel_size[0] * geometry.kernel_size[1])
    per_mac = _between(rate, getattr(rate, name), side)
    return machine.native_call + geometry.macs * per_mac


def _distance(channels: tuple[int, int, int], others: tuple[int, int, int]) -> float:
    return sum(abs(log(a / b)) for a, b in zip(channels, others, strict=True))


def _between(rate: Rate, values: tuple[float, ...], side: float) -> float:
    """Interpolate between the measured filter sizes, both logarithmic."""
    at = min(max(bisect_left(rate.sides, side), 1), len(rate.sides) - 1)
    low, high = rate.sides[at - 1], rate.sides[at]
    share = min(max(log(side / low) / log(high / low), 0.0), 1.0)
    return float(values[at - 1] ** (1 - share) * values[at] ** share)


def compiled_s(
    name: Map, geometry: Geometry, item_bytes: int, machine: Machine, threads: int
) -> float:
    """Predict the compiled kernels from their counts of vector instructions."""
    if not is_unit(geometry):
        copies = 2 * geometry.batch * geometry.in_channels * _area(geometry.input_size)
        return copies * machine.precision(item_bytes).copy + sum(
            compiled_s(name, piece.geometry, item_bytes, machine, threads) + machine.fft_call
            for piece in pieces(geometry)
        )
    dtype = torch.float32 if item_bytes == 4 else torch.float64
    x = torch.empty(geometry.input_shape, dtype=dtype, device="meta")
    g = torch.empty(geometry.output_shape, dtype=dtype, device="meta")
    if name == "forward":
        shape = forward_shape(x, geometry)
    elif name == "grad_input":
        shape = grad_input_shape(g, geometry)
    else:
        shape = grad_weight_shape(x, g, geometry)
    division = divide(shape)
    rates = machine.precision(item_bytes).compiled
    counts = work(shape, division).values()
    busy = sum(count * rate for count, rate in zip(counts, rates, strict=True))
    return machine.compiled_call + busy / (1 if division.serial else threads)


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
    there, back = _transform(rates.transforms, tiling)
    pixels = tiling.fft[0] * tiling.fft[1]
    tiles = float(geometry.batch * _area(tiling.grid))
    per_group = geometry.in_channels // geometry.groups
    weights = geometry.out_channels * per_group
    c_in, c_out = tiles * geometry.in_channels, tiles * geometry.out_channels
    transforms = copies = 0.0
    if names != ("forward",):
        transforms += c_out * there
        copies += c_out
    if names != ("grad_input",):
        transforms += c_in * there
        copies += c_in if any(geometry.padding) or not tiling.is_whole else 0
    if names != ("grad_weight",):
        transforms += weights * there
    for name in names:
        if name == "forward":
            transforms += c_out * back
            copies += c_out
        elif name == "grad_input":
            transforms += c_in * back
            copies += c_in if tiling.is_whole else 2 * c_in  # added, then cropped
        else:
            transforms += weights * back
    chunks = -(-geometry.batch // tiling.images) * -(-tiling.grid[0] // tiling.rows)
    product = tiles * weights * tiling.spectrum * len(names)
    if per_group == 1 and geometry.out_channels == geometry.groups:
        products = product * rates.product
    else:
        planes = len(names) * (c_in + c_out) * tiling.spectrum
        laid_out = len(names) * chunks * weights * tiling.spectrum
        products = product * rates.matrix + planes * rates.plane + laid_out * rates.filter
    calls = float(chunks * len(names))
    if not tiling.is_whole:
        # Tiles are cut, put side by side and added in several operations, and in short rows.
        calls, copies = _TILED_CALLS * calls, _TILED_COPIES * copies
    busy = pixels * (transforms + copies * rates.copy) + products
    return machine.fft_call * calls + busy / threads


def _transform(transforms: tuple[Transform, ...], tiling: Tiling) -> tuple[float, float]:
    """Return seconds per pixel, there and back: the mean of what each side costs."""
    sides = [t.side for t in transforms]
    there = back = 0.0
    for length in tiling.fft:
        at = min(max(bisect_left(sides, length), 1), len(sides) - 1)
        low, high = transforms[at - 1], transforms[at]
        share = min(max(log(length / low.side) / log(high.side / low.side), 0.0), 1.0)
        there += (low.forward * (1 - share) + high.forward * share) / 2
        back += (low.inverse * (1 - share) + high.inverse * share) / 2
    return there, back


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]
