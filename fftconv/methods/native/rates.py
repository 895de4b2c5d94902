"""The rates of torch's convolution, measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fftconv.calibration.machine import Rate
from fftconv.geometry import Geometry
from fftconv.methods.timing import best_s, each_map

if TYPE_CHECKING:
    from fftconv.methods.method import Found, Method

#: Channels (per group in, per group out, groups) that torch's convolution is timed with.
CHANNELS = {
    torch.float32: (
        (1, 1, 1), (1, 4, 1), (1, 16, 1), (3, 3, 1), (3, 16, 1), (8, 8, 1), (16, 3, 1), (16, 16, 1),
        (64, 64, 1), (1, 1, 3), (1, 1, 16), (1, 1, 64), (4, 8, 4),
    ),
    torch.float64: ((1, 1, 1), (1, 16, 1), (16, 16, 1), (64, 64, 1), (1, 1, 3), (1, 1, 64)),
}  # fmt: skip
SIDES = {torch.float32: (1, 3, 5, 7, 11, 15, 31), torch.float64: (1, 3, 7, 15, 31)}


def measure(method: Method, dtype: torch.dtype) -> Found:
    """Time the maps for several channels and filter sizes."""
    rates = []
    for n, channels in enumerate(CHANNELS[dtype]):
        yield n / len(CHANNELS[dtype]), f"torch's convolution, {dtype}", {}
        rates.append(_rate(method, channels, dtype))
    yield 1.0, "", {"native": tuple(rates)}


def _rate(method: Method, channels: tuple[int, int, int], dtype: torch.dtype) -> Rate:
    per_in, per_out, groups = channels
    batch = max(1, min(8, 64 // max(per_in * groups, per_out * groups)))
    size = 64
    if groups > 1:
        # Torch computes depthwise in the layout of channels last: small planes are what it is for.
        batch, size = 4, 32
    columns: dict[str, list[float]] = {"forward": [], "grad_input": [], "grad_weight": []}
    for side in SIDES[dtype]:
        geometry = Geometry.of(
            (batch, per_in * groups, size, size),
            (per_out * groups, per_in, side, side),
            padding=side // 2,
            groups=groups,
        )
        for name, call in each_map(method, geometry, dtype):
            columns[name].append(best_s(call) / geometry.macs)
    values = {name: tuple(column) for name, column in columns.items()}
    return Rate(channels, SIDES[dtype], **values)
