"""Predicted seconds of the matrix products, by what torch's own convolution takes in float64.

That is im2col, too, and of 1x1 filters the product alone: its rate in a calibration is that of the
library's product, and twice as much in half as many bytes.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from fftconv.geometry import area
from fftconv.methods.matmul.patches import at_a_time, do_overlap, is_pointwise, taps
from fftconv.methods.new_memory import new_s, result_bytes

if TYPE_CHECKING:
    from fftconv.calibration.constants import Machine
    from fftconv.geometry import Geometry
    from fftconv.methods.maps import Map

#: Channels at which the product is no longer held up by what is read for it.
MANY = (64, 64, 1)
#: Torch's way through its operations, in calls of a compiled kernel, which are Python's work, too:
#: 14 to 21 us of one image, 31 to 45 of several, 45 to 65 of patches, where such a call takes 2
#: (Xeon).
IMAGE_CALLS, BATCH_CALLS, PATCH_CALLS = 8, 16, 26
#: Copies in order that laying out a number of a column takes as long as: 2x2 to 16x16 (Xeon).
PATCHED = 4


def seconds(
    name: Map, geometry: Geometry, item_bytes: int, machine: Machine, threads: int
) -> float:
    """Predict one map."""
    moved = geometry.numbers + prod(geometry.weight_shape)
    calls = IMAGE_CALLS if geometry.batch == 1 else BATCH_CALLS
    if not is_pointwise(geometry):
        calls = PATCH_CALLS
        moved += PATCHED * _columns(geometry)
        if name == "grad_input" and do_overlap(geometry):
            moved += PATCHED * _columns(geometry)  # each tap's share is read, added, written
    copied = moved * machine.precision(item_bytes).copy
    multiplied = geometry.macs * _per_mac(item_bytes, machine)
    new = new_s([result_bytes(name, geometry, item_bytes)], machine.new_memory.small, threads)
    return calls * machine.compiled_call + (multiplied + copied) / threads + new


def extra_numbers(geometry: Geometry) -> int:
    """Return how many numbers a map lays out beside its operands and its result."""
    if is_pointwise(geometry):
        return geometry.numbers  # side by side, where there are few pixels
    return geometry.numbers + min(_columns(geometry), at_a_time(geometry))


def _columns(geometry: Geometry) -> int:
    return geometry.batch * area(geometry.output_size) * taps(geometry)


def _per_mac(item_bytes: int, machine: Machine) -> float:
    """Return the thread-seconds of a multiply-add."""
    rates = machine.float64.native
    double = next((rate for rate in rates if rate.channels == MANY), rates[-1])
    return double.forward[0] * machine.threads * item_bytes / 8
