"""The rates of torch's matrix products, measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fftconv.calibration.constants import Products
from fftconv.calibration.machine import defaults
from fftconv.geometry import Geometry
from fftconv.methods.matmul.cost import PACKED_S, counts, of
from fftconv.methods.timing import best_s, each_map, fitted

if TYPE_CHECKING:
    from fftconv.methods.method import Found, Method

#: Images, channels in and out, and sizes of images, by filters of 1x1.
LAYERS = (
    *((1, ins, outs, 128) for ins, outs in ((4, 4), (16, 16), (64, 64), (16, 64), (64, 3))),
    *((1, ins, outs, 56) for ins, outs in ((16, 16), (64, 64), (256, 64), (64, 256))),
    *((8, ins, outs, 28) for ins, outs in ((16, 16), (64, 64), (256, 64))),
)


def measure(method: Method, dtype: torch.dtype) -> Found:
    """Time products of few and of many channels."""
    yield 0.0, f"matrix products, {dtype}", {}
    machine, threads = defaults(), torch.get_num_threads()
    usual = of(machine, dtype.itemsize)
    calls = {}
    rows, seconds = [], []
    for batch, ins, outs, size in LAYERS:
        geometry = Geometry.of((batch, ins, size, size), (outs, ins, 1, 1))
        if batch not in calls:
            small = Geometry.of((batch, 1, 12, 12), (1, 1, 1, 1))
            calls[batch] = {name: best_s(run) for name, run in each_map(method, small, dtype)}
        for name, run in each_map(method, geometry, dtype):
            taken, (counted, packed) = best_s(run), counts(name, geometry)
            rows.append(counted)
            work = (taken - calls[batch][name]) * threads - packed * PACKED_S
            seconds.append(max(work, 0.1 * taken * threads))
    found = fitted(rows, seconds, (usual.spread, usual.gathered, usual.number))
    yield 1.0, "", {"products": Products(*found)}
