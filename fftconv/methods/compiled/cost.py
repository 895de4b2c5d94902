"""Predicted seconds of the compiled kernels: counts of vector instructions times their rates."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from fftconv.calibration.between import per_byte
from fftconv.geometry import area
from fftconv.methods.compiled.division import BAND_BYTES, correlation, divide, work
from fftconv.methods.polyphase import count_parts
from fftconv.methods.turned import turned

if TYPE_CHECKING:
    from fftconv.calibration.constants import Machine
    from fftconv.geometry import Geometry
    from fftconv.methods.compiled.division import Division, Shape
    from fftconv.methods.maps import Map

#: Thread-seconds per byte in which a group's planes come past each other, pair by pair, from a
#: cache and from memory. 1x1 filters wait for that, and no others do. Of 8 to 128 channels of 128
#: to 256 squared (Xeon, AVX-512): 2e-11 at 2 MB, 3e-11 to 4.3e-11 at 4 to 17 MB, 8.5e-11 to 9e-11
#: above 100 MB.
NEAR_S, FAR_S = 2e-11, 8.5e-11


def seconds(
    name: Map, geometry: Geometry, item_bytes: int, machine: Machine, threads: int
) -> float:
    """Predict one map."""
    if not geometry.is_unit:
        copies = 2 * geometry.batch * geometry.in_channels * area(geometry.input_size)
        return copies * machine.precision(item_bytes).copy + sum(
            count * (seconds(name, part, item_bytes, machine, threads) + machine.fft_call)
            for part, count in count_parts(geometry).items()
        )
    if geometry.is_one_column:
        geometry = turned(geometry)
    shape = correlation(name, geometry, 8 * item_bytes)
    division = divide(shape)
    rates = machine.precision(item_bytes).compiled
    counts = work(shape, division).values()
    busy = sum(count * rate for count, rate in zip(counts, rates, strict=True))
    busy = max(busy, _streamed(shape, division))
    return machine.compiled_call + busy / (1 if division.serial else threads)


def _streamed(shape: Shape, division: Division) -> float:
    """Return the thread-seconds in which the planes come past as often as they are needed."""
    size, kernel, out = (prod(plane) for plane in (shape.size, shape.kernel, shape.out))
    plane = max(size, kernel, out) * shape.bits // 8
    stack = (shape.ps + shape.qs) * shape.terms * plane
    times = shape.planes * shape.terms / division.planes
    if division.planes > 1:
        if division.form == "dot":
            times *= 1 + division.planes  # both operands are planes
            stack = stack * division.band // shape.size[0]
        elif prod(shape.kernel) > 1:
            stack = min(stack, BAND_BYTES)  # bands of the input come past, one after the other
        else:
            # Too few multiplications to hide that each band, and all of the result, is far away.
            stack = shape.ps * (shape.qs + shape.terms) * shape.groups * plane
    return times * plane * per_byte(stack, NEAR_S, FAR_S)
