"""Measure a machine's constants: ``python -m fftconv calibrate``, in one to three minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from fftconv.calibration.constants import SCHEMA, Machine, NewMemory, Precision
from fftconv.calibration.machine import processor
from fftconv.machine_code import pages
from fftconv.methods.new_memory import KEPT_BYTES
from fftconv.methods.registry import REGISTRY
from fftconv.methods.timing import best_s

if TYPE_CHECKING:
    from collections.abc import Iterator


def measure() -> Iterator[tuple[float, str, Machine | None]]:
    """Measure this machine: yield the share done and what comes next, and at the end the result."""
    methods = [method for method in REGISTRY.values() if method.predicts]
    precisions = []
    parts = 2 * len(methods)
    for half, dtype in enumerate((torch.float32, torch.float64)):
        rates: dict[str, Any] = {}
        for n, method in enumerate(methods):
            for share, what, found in method.calibrate(dtype):
                yield (half * len(methods) + n + share) / parts, what, None
                rates |= found
        precisions.append(Precision(**rates))
    calls: dict[str, Any] = {}
    for method in methods:
        calls |= method.calibrate_call()
    machine = Machine(
        schema=SCHEMA,
        processor=processor(),
        threads=torch.get_num_threads(),
        torch=str(torch.__version__),
        new_memory=_new_memory(),
        float32=precisions[0],
        float64=precisions[1],
        **calls,
    )
    yield 1.0, "done", machine


def _new_memory() -> NewMemory:
    """Time how long it takes to fill memory that is new.

    More of it at a time than what was measured before can have left free in one piece.
    """
    size = 8 * KEPT_BYTES

    def small() -> object:
        return torch.empty(size, dtype=torch.uint8, device="cpu").fill_(1)

    def large() -> object:
        return pages.room(size).fill_(1)

    rates = (best_s(call, 0.1) * torch.get_num_threads() / size for call in (small, large))
    return NewMemory(*rates)
