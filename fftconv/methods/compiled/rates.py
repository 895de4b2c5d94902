"""The rates of the compiled kernels' vector instructions, measured."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import torch

from fftconv.calibration.machine import defaults
from fftconv.geometry import Geometry
from fftconv.methods.compiled.division import correlation, divide, work
from fftconv.methods.timing import best_s, call_s, each_map, fitted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fftconv.methods.method import Found, Method

#: Input and filter sizes, channels and padding for the compiled kernels.
PLANES = (
    *product((64, 256, 768), (3, 7, 15, 31), (1,), (0,)),
    *((56, 3, 96, 1), (56, 7, 96, 3), (28, 3, 128, 1), (28, 7, 128, 3), (256, 9, 1, 4)),
    *((1024, 3, 1, 0), (1024, 5, 1, 0), (128, 63, 1, 0), (512, 2, 1, 0), (512, 4, 1, 0)),
)
#: Images, channels in and out, and sizes of inputs and filters, of cases in which each plane of the
#: input meets many filters: what they begin counts for more.
MIXED = ((8, 16, 16, 8, 3), (1, 16, 16, 64, 3), (8, 64, 3, 14, 1), (1, 8, 32, 64, 1))


def measure(method: Method, dtype: torch.dtype) -> Found:
    """Time many cases, and copies of planes."""
    yield 0.0, f"compiled kernels, {dtype}", {}
    yield 1.0, "", {"compiled": _rates(method, dtype), "copy": _copy(dtype)}


def _rates(method: Method, dtype: torch.dtype) -> tuple[float, ...]:
    """Fit the seconds of many cases to their counts."""
    threads = torch.get_num_threads()
    call = call_s(method)
    rows, seconds = [], []
    for geometry in _geometries():
        for name, run in each_map(method, geometry, dtype):
            shape = correlation(name, geometry, 8 * dtype.itemsize)
            division = divide(shape)
            if division.serial:
                continue
            taken = best_s(run)
            rows.append(work(shape, division).values())
            seconds.append(max(taken - call, 0.1 * taken) * threads)
    return fitted(rows, seconds, defaults().precision(dtype.itemsize).compiled)


def _geometries() -> Iterator[Geometry]:
    for size, side, channels, padding in PLANES:
        yield Geometry.of(
            (6 if channels > 1 else 1, channels, size, size),
            (channels, 1, side, side),
            padding=padding,
            groups=channels,
        )
    for batch, ins, outs, size, side in MIXED:
        yield Geometry.of((batch, ins, size, size), (outs, ins, side, side), padding=side // 2)


def _copy(dtype: torch.dtype) -> float:
    planes = torch.randn(4, 4, 256, 256, dtype=dtype)
    tiles = planes.unfold(2, 128, 128).unfold(3, 128, 128)
    return best_s(tiles.clone) * torch.get_num_threads() / planes.numel()
