"""Predicted seconds of bfloat16 and float16: torch's own kernels, and float32 with casts around it.

Where the processor has no instructions for a half, torch multiplies number by number, as slowly
for many channels as for one; where it has, torch is as fast as in float32 at least. The other
methods compute in float32 in any case: their operands are cast, and their results rounded.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import torch

from fftconv._torch_state import multiplies_in
from fftconv.methods.method import HALVES

if TYPE_CHECKING:
    from fftconv.calibration.constants import Machine
    from fftconv.geometry import Geometry
    from fftconv.methods.maps import Map

#: Seconds per multiply-add of torch's kernels that have no instructions for them.
SLOW_MAC_S = 1e-9


def computed_bytes(dtype: torch.dtype) -> int:
    """Return the bytes of the numbers that a case is computed in by the other methods."""
    return torch.float32.itemsize if dtype in HALVES else dtype.itemsize


def own_s(seconds: float, names: tuple[Map, ...], geometry: Geometry, dtype: torch.dtype) -> float:
    """Return the seconds of maps that are computed in a half itself, from those in float32."""
    if dtype not in HALVES or multiplies_in(dtype):
        return seconds
    return max(seconds, len(names) * geometry.macs * SLOW_MAC_S)


def casts_s(
    names: tuple[Map, ...], geometry: Geometry, dtype: torch.dtype, machine: Machine, threads: int
) -> float:
    """Return the seconds that casting the operands and rounding the results of maps take."""
    if dtype not in HALVES:
        return 0.0
    shapes = geometry.input_shape, geometry.weight_shape, geometry.output_shape
    numbers = len(names) * sum(prod(shape) for shape in shapes)
    return numbers * machine.float32.copy / threads
