"""Predicted seconds of native and compiled: counted work times a machine's constants."""

from __future__ import annotations

from bisect import bisect_left
from math import log, sqrt
from typing import Literal

import torch

from fftconv.geometry import Geometry
from fftconv.kernels.division import divide, work
from fftconv.methods.compiled import forward_shape, grad_input_shape, grad_weight_shape
from fftconv.methods.unit import is_unit, pieces
from fftconv.planning.machine import Machine, Rate

Map = Literal["forward", "grad_input", "grad_weight"]
MAPS: tuple[Map, ...] = ("forward", "grad_input", "grad_weight")


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


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]
