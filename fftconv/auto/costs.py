"""Predicted seconds of native and compiled: counted work times a machine's constants."""

from __future__ import annotations

from bisect import bisect_left
from math import log, sqrt

from fftconv.calibration.machine import Machine, Rate
from fftconv.geometry import Geometry, area
from fftconv.methods.compiled.division import correlation, divide, work
from fftconv.methods.maps import Map
from fftconv.methods.polyphase import count_parts


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
    if not geometry.is_unit:
        copies = 2 * geometry.batch * geometry.in_channels * area(geometry.input_size)
        return copies * machine.precision(item_bytes).copy + sum(
            count * (compiled_s(name, part, item_bytes, machine, threads) + machine.fft_call)
            for part, count in count_parts(geometry).items()
        )
    shape = correlation(name, geometry, 8 * item_bytes)
    division = divide(shape)
    rates = machine.precision(item_bytes).compiled
    counts = work(shape, division).values()
    busy = sum(count * rate for count, rate in zip(counts, rates, strict=True))
    return machine.compiled_call + busy / (1 if division.serial else threads)
