"""Predicted seconds of the compiled kernels: counts of vector instructions times their rates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fftconv.geometry import area
from fftconv.methods.compiled.division import correlation, divide, work
from fftconv.methods.polyphase import count_parts
from fftconv.methods.turned import turned

if TYPE_CHECKING:
    from fftconv.calibration.machine import Machine
    from fftconv.geometry import Geometry
    from fftconv.methods.maps import Map


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
    return machine.compiled_call + busy / (1 if division.serial else threads)
