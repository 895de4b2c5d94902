"""The rates of torch's convolution, measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from fftconv.calibration.constants import Call, Rate
from fftconv.geometry import Geometry
from fftconv.methods.native.cost import beside_s, filter_numbers
from fftconv.methods.timing import best_s, each_call_s, each_map

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
#: OneDNN leaves its fast kernels where the padding is larger than what they keep in registers:
#: between 15 and 21, and between 51 and 63.
SIDES = {
    torch.float32: (1, 3, 5, 7, 11, 15, 21, 31, 51, 63),
    torch.float64: (1, 3, 7, 15, 31),
}
#: Larger filters are timed on one image: they take tens of milliseconds.
LARGE = 31
#: Channels, and sides of images and of filters nearly as large: most of such a case's time is for
#: bringing the filter into oneDNN's order. A number of it takes 0.2 to 0.6 ns for filters of 3x3
#: and 0.6 to 1 ns for larger ones (Xeon, AVX-512, 16 to 512 channels).
FILTERS = 64, 8, 7


def measure(method: Method, dtype: torch.dtype) -> Found:
    """Time the maps for several channels and filter sizes."""
    rates, beside = [], calls(method)
    for n, channels in enumerate(CHANNELS[dtype]):
        yield n / len(CHANNELS[dtype]), f"torch's convolution, {dtype}", {}
        rates.append(_rate(method, channels, dtype, beside))
    yield 1.0, "", {"native": tuple(rates)}


def calls(method: Method) -> dict[str, Any]:
    """Time the shortest maps, and one whose filter is large beside its output."""
    # A batch of two goes to oneDNN, however small its images are.
    native, onednn = _call(method, batch=1), _call(method, batch=2)
    channels, size, side = FILTERS
    geometry = Geometry.of((1, channels, size, size), (channels, channels, side, side))
    _, forward = next(each_map(method, geometry, torch.float32))
    reorder = max(best_s(forward) - onednn.forward, 0.0) * torch.get_num_threads()
    return {
        "native_call": native,
        "onednn_call": onednn,
        "onednn_filter": reorder / filter_numbers(geometry),
    }


def _call(method: Method, batch: int) -> Call:
    forward, *gradients = each_call_s(method, batch)
    return Call(forward, min(gradients))


def _rate(
    method: Method, channels: tuple[int, int, int], dtype: torch.dtype, calls: dict[str, Any]
) -> Rate:
    per_in, per_out, groups = channels
    batch = max(1, min(8, 64 // max(per_in * groups, per_out * groups)))
    size = 64
    if groups > 1:
        # Torch computes depthwise in the layout of channels last: small planes are what it is for.
        batch, size = 4, 32
    columns: dict[str, list[float]] = {"forward": [], "grad_input": [], "grad_weight": []}
    for side in SIDES[dtype]:
        geometry = Geometry.of(
            (1 if side > LARGE else batch, per_in * groups, size, size),
            (per_out * groups, per_in, side, side),
            padding=side // 2,
            groups=groups,
        )
        for name, call in each_map(method, geometry, dtype):
            seconds, threads = best_s(call), torch.get_num_threads()
            beside = beside_s((name,), geometry, dtype.itemsize, threads, **calls)
            # Where a call is nearly all, what is left of it is noise.
            columns[name].append(max(seconds - beside, seconds / 10) / geometry.macs)
    values = {name: tuple(column) for name, column in columns.items()}
    return Rate(channels, SIDES[dtype], **values)
