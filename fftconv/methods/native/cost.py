"""Predicted seconds of torch's convolution: of oneDNN's kernels, and of torch's own."""

from __future__ import annotations

from math import log, prod, sqrt
from typing import TYPE_CHECKING

import torch

from fftconv.calibration.between import CACHED, neighbours
from fftconv.geometry import area
from fftconv.machine_code.target import target
from fftconv.methods.new_memory import new_s, result_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fftconv.calibration.constants import Call, Machine, Rate
    from fftconv.geometry import Geometry
    from fftconv.methods.maps import Map

#: Numbers of an input of one image that torch computes itself, as matrices (`use_mkldnn` of
#: aten/src/ATen/native/Convolution.cpp).
FEW = 20_480
#: Output channels that oneDNN's layouts hold side by side.
BLOCK = 16
#: Channels of an input that oneDNN reads as they are, without a copy in blocks of channels.
PLAIN = 3
#: Thread-seconds per byte of a filter beyond `CACHED` where torch multiplies matrices: 6e-11 for
#: 32 MB of 64 to 64 channels, 8e-11 for 9 MB of 512 to 512, both with next to no output (Xeon,
#: AVX-512).
READ_S = 7e-11
#: What a forward call takes longer, of what one of a single channel takes, where oneDNN brings
#: input and output into blocks of channels: 0.2 to 0.5 (16 and 32 channels, 4x4 and 8x8, one
#: thread and two); less than a tenth below a block of channels, and next to none for
#: gradients and filters of 1x1 (Xeon, AVX-512).
REORDERED = 0.3
#: Copies in order that oneDNN takes beside its sums for each number of an input's gradient, where
#: the forward pass has a stride: 2 ns of one thread, 1 of two (64 to 256 channels of 28 and 56
#: squared, 1x1 to 3x3 filters, stride 2; Xeon).
SPREAD = 7
#: Multiply-adds that take as long as to bring a number into oneDNN's blocks of channels and back,
#: which 1x1 filters do not hide. (64 to 2048 channels of 7 to 56 squared, batch 1 and 8, from the
#: rate of 64 channels: within a fifth, where that rate alone was off by up to 1.9; Xeon.)
BLOCKED = 35


def by_onednn(geometry: Geometry, item_bytes: int, threads: int) -> bool:
    """Whether torch leaves a case to oneDNN, by the rule of `use_mkldnn` in Convolution.cpp."""
    if item_bytes != 4 or not torch.backends.mkldnn.is_available():
        return False
    batch = geometry.input_shape[0]
    plain = geometry.stride == geometry.dilation == geometry.kernel_size == (1, 1)
    if plain and batch < 16 and threads == 1:
        return False
    return (
        geometry.groups > 1
        or min(geometry.kernel_size) > 3
        or batch > 1
        or area(geometry.input_size) * geometry.input_shape[1] > FEW
    )


def filter_numbers(geometry: Geometry) -> int:
    """Return the numbers of a weight in oneDNN's layouts, blocks of channels filled up."""
    ins, outs = geometry.channels_per_group
    if ins == outs == 1:
        blocks = -(-geometry.groups // BLOCK) * BLOCK
    else:
        blocks = geometry.groups * ins * -(-outs // BLOCK) * BLOCK
    return blocks * area(geometry.kernel_size)


def beside_s(
    names: tuple[Map, ...], geometry: Geometry, item_bytes: int, threads: int, *,
    native_call: Call, onednn_call: Call, onednn_filter: float,
) -> float:  # fmt: skip
    """Return what maps take beside their multiplications: to call them, to reorder the filter.

    Both gradients are one call of torch's, which calls oneDNN for each of them (2 to 32 channels of
    8x8: 106 and 90 us, both 184).
    """
    by = by_onednn(geometry, item_bytes, threads)
    call = onednn_call if by else native_call
    gradients = sum(name != "forward" for name in names)
    calls = gradients if by else min(gradients, 1)
    seconds = ("forward" in names) * call.forward + calls * call.gradient
    if by:
        blocked = geometry.channels_per_group[0] >= _in_blocks(1) and area(geometry.kernel_size) > 1
        if "forward" in names and blocked:
            seconds += REORDERED * call.forward
        return seconds + len(names) * filter_numbers(geometry) * onednn_filter / threads
    beyond = max(0, prod(geometry.weight_shape) * item_bytes - CACHED)
    return seconds + len(names) * beyond * READ_S / threads


def seconds(
    names: tuple[Map, ...], geometry: Geometry, item_bytes: int, machine: Machine, threads: int
) -> float:
    """Take the rates for the nearest channels, between filter sizes, of the kernels that serve."""
    onednn = by_onednn(geometry, item_bytes, threads)
    # Torch's own kernels do in float32 what they do in float64, with half the bytes.
    measured = item_bytes if onednn else 8
    ins, outs = geometry.channels_per_group
    channels = ins, outs, geometry.groups
    rates = machine.precision(measured).native
    rate = min(rates, key=lambda rate: _distance(channels, rate.channels))
    macs = geometry.macs * item_bytes / measured * machine.threads / threads
    if onednn:
        macs *= _filled(channels) / _filled(rate.channels)
        if area(geometry.kernel_size) == 1 == geometry.groups == rate.channels[2]:
            alike = 1 / rate.channels[0] + 1 / rate.channels[1]  # numbers of a multiply-add
            macs *= (1 + BLOCKED * geometry.numbers / geometry.macs) / (1 + BLOCKED * alike)
    beside = beside_s(
        names,
        geometry,
        item_bytes,
        threads,
        native_call=machine.native_call,
        onednn_call=machine.onednn_call,
        onednn_filter=machine.onednn_filter,
    )
    if onednn and "grad_input" in names and max(geometry.stride) > 1:
        numbers = prod(geometry.input_shape)
        beside += SPREAD * numbers * machine.precision(item_bytes).copy / threads
    if not onednn and geometry.groups > rate.channels[2] == 1:
        beside += _group_by_group_s(names, geometry, item_bytes, machine, threads)
    new = new_s(_written(names, geometry, item_bytes, onednn), machine.new_memory.small, threads)
    return beside + new + sum(macs * _per_mac(name, rate, geometry, onednn) for name in names)


def _group_by_group_s(
    names: tuple[Map, ...], geometry: Geometry, item_bytes: int, machine: Machine, threads: int
) -> float:
    """Return what torch takes to call its kernel for each group, and to join the results.

    Rates of grouped cases have that in them. (32 to 32 channels of 64x64 by 1x1 in four groups, one
    thread of a Xeon: predicted 35 us without, took 79.)
    """
    call = machine.native_call
    calls = sum(call.forward if name == "forward" else call.gradient for name in names)
    joined = sum(result_bytes(name, geometry, item_bytes) // item_bytes for name in names)
    return (geometry.groups - 1) * calls + joined * machine.precision(item_bytes).copy / threads


def _filled(channels: tuple[int, int, int]) -> float:
    """Return how many times its multiply-adds oneDNN does, whose blocks of channels are full.

    24 to 24 channels are 32 to 32 in blocks of 16, 1.8 times as many; 1 to 2 are 1 to 16. Between 4
    and a block's channels nothing is filled up (12 cases on a Xeon, against what ships).
    """
    ins, outs, groups = channels
    if groups > 1:
        return 1.0
    if ins <= PLAIN:
        return _in_blocks(outs) / outs
    return prod(_in_blocks(c) / c for c in (ins, outs) if c > _in_blocks(1))


def _in_blocks(channels: int) -> int:
    """Return a number of channels in whole vectors of float32."""
    lanes = target().vector_bytes // 4
    return -(-channels // lanes) * lanes


def _written(
    names: tuple[Map, ...], geometry: Geometry, item_bytes: int, onednn: bool
) -> Iterator[int]:
    """Yield the bytes of what maps write: results, and oneDNN's copies in blocks of channels.

    A block is a vector, filled up: of a single channel the copy has 16 (AVX-512). Counted as page
    faults of 12 cases, forward and gradients (Xeon).
    """
    x, y = (
        geometry.batch * _in_blocks(channels) * area(size) * item_bytes
        for channels, size in (
            (geometry.in_channels, geometry.input_size),
            (geometry.out_channels, geometry.output_size),
        )
    )
    for name in names:
        yield result_bytes(name, geometry, item_bytes)
        if onednn:
            yield y
            if name == "grad_input" or geometry.in_channels > PLAIN:
                yield x


def _per_mac(name: Map, rate: Rate, geometry: Geometry, onednn: bool) -> float:
    """Return the rate for a size of filter, between those that were measured."""
    side = sqrt(area(geometry.kernel_size))
    if name == "grad_weight" or not onednn:
        return _at(rate, name, side)
    # What makes oneDNN slow is the padding, and filters were measured with half of their side. With
    # less it is as fast as filters of which that is half, at least; with more, as slow at most. The
    # input's gradient is padded by what the forward pass left out.
    widths = zip(geometry.kernel_size, geometry.padding[::2], geometry.padding[1::2], strict=True)
    padding = max(max(pads) if name == "forward" else k - 1 - min(pads) for k, *pads in widths)
    padded = 2.0 * max(0, padding) + 1
    low, high = sorted((padded, side))
    sides = (low, high, *(s for s in rate.sides if low < s < high))
    worse = max if padded > side else min
    return worse(_at(rate, name, s) for s in sides)


def _at(rate: Rate, name: Map, side: float) -> float:
    at, share = neighbours(rate.sides, side)
    per_mac: tuple[float, ...] = getattr(rate, name)
    between: float = per_mac[at - 1] ** (1 - share) * per_mac[at] ** share
    return between


def _distance(channels: tuple[int, int, int], others: tuple[int, int, int]) -> float:
    return sum(abs(log(a / b)) for a, b in zip(channels, others, strict=True))
