"""What large results cost: memory that the system hands out anew in each call, page by page."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fftconv.calibration.constants import Machine
    from fftconv.geometry import Geometry
    from fftconv.methods.maps import Map

#: glibc keeps freed memory for the next call if blocks are smaller (DEFAULT_MMAP_THRESHOLD_MAX,
#: which it comes to by itself); others go back to the system each time.
KEPT_BYTES = 32 << 20


def new_s(blocks: Iterable[int], per_byte: float, threads: int) -> float:
    """Return the seconds of filling blocks of so many bytes, of which only new ones count."""
    return sum(size for size in blocks if size >= KEPT_BYTES) * per_byte / threads


def result_bytes(name: Map, geometry: Geometry, item_bytes: int) -> int:
    """Return the bytes that a map returns."""
    shapes = {
        "forward": geometry.output_shape,
        "grad_input": geometry.input_shape,
        "grad_weight": geometry.weight_shape,
    }
    return prod(shapes[name]) * item_bytes


def results_s(
    names: Iterable[Map], geometry: Geometry, item_bytes: int, machine: Machine, threads: int
) -> float:
    """Return what the results of a method take that asks for large pages."""
    blocks = (result_bytes(name, geometry, item_bytes) for name in names)
    return new_s(blocks, machine.new_memory.large, threads)
