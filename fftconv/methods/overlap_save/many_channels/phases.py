"""What passes spend their time on, and on how much: counted for profiles, which see no further.

Each pass adds what its threads took to the counter of its kind, at its end: two readings of a clock
and three sums, beside many tiles.
"""

from __future__ import annotations

import ctypes
from functools import cache, partial
from typing import TYPE_CHECKING

from torch.autograd.profiler import record_function

from fftconv._torch_state import is_profiling
from fftconv.machine_code.pool import share
from fftconv.machine_code.vectors import VECTOR_BYTES
from fftconv.methods.overlap_save.many_channels import fields as at
from fftconv.methods.overlap_save.many_channels import operations

if TYPE_CHECKING:
    from collections.abc import Callable

#: Operations of a product in one bin: of complex numbers by three multiplications, of a pair of
#: Winograd's values by two. A multiplication and the sum that it goes to are two operations.
COMPLEX_PRODUCT, PAIR_PRODUCT = 6, 4


class Counter:
    """Ticks of the processor's clock, and how much was done, in vectors, of one or two kinds."""

    def __init__(self, phase: str, bits: int, each: Callable[[], tuple[int, int]]) -> None:
        """Take the phase as profiles call it, and the operations of what is counted."""
        self.phase, self._lanes, self._each = phase, 8 * VECTOR_BYTES // bits, each
        self._counts = (ctypes.c_int64 * at.COUNTS)()
        self.address = ctypes.addressof(self._counts)
        _counters.append(self)

    @property
    def ticks(self) -> int:
        """What all threads took together."""
        return self._counts[at.TICKS]

    @property
    def operations(self) -> int:
        """How many were done."""
        first, second = self._each()
        return self._lanes * (self._counts[at.FIRST] * first + self._counts[at.SECOND] * second)

    def clear(self) -> None:
        """Begin anew."""
        ctypes.memset(self.address, 0, ctypes.sizeof(self._counts))


_counters: list[Counter] = []


@cache
def of_analysis(bits: int, length: int, rows: int, columns: int) -> Counter:
    """Return the counter of a pass that transforms tiles: columns, and tiles."""
    return Counter("transform", bits, partial(operations.there, length, rows, columns))


@cache
def of_synthesis(bits: int, length: int, rows: int, columns: int) -> Counter:
    """Return the counter of a pass that transforms tiles back."""
    return Counter("inverse", bits, partial(operations.back, length, rows, columns))


@cache
def of_product(bits: int, winograd: bool) -> Counter:
    """Return the counter of a pass that multiplies: products."""
    return Counter("product", bits, lambda: (PAIR_PRODUCT if winograd else COMPLEX_PRODUCT, 0))


def run_counted(function: int, job: int, threads: int) -> None:
    """Have threads run the function at an address on a job; say in a profile what they did."""
    if not is_profiling():
        share(function, job, threads)
        return
    for counter in _counters:
        counter.clear()
    share(function, job, threads)
    said = [f"{c.phase}={c.ticks}/{c.operations}" for c in _counters if c.ticks]
    with record_function("phases: " + " ".join(said)):
        pass
