"""The vector unit that code is compiled for, as far as costs depend on it: no numba is needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch


@dataclass(frozen=True)
class Target:
    """The vector unit: bytes in a register, vectors of columns in a tile, side of a dot tile."""

    vector_bytes: int
    wide: int
    dot_side: int

    @property
    def registers(self) -> int:
        """How many vectors it keeps: a wide tile's sums fill half of them."""
        return 8 * self.wide


@cache
def target() -> Target:
    """Return this processor's vector unit, as torch reports it."""
    capability = torch.backends.cpu.get_cpu_capability()
    if capability == "AVX512":
        return Target(64, 4, 5)
    return Target(32, 2, 3) if capability == "AVX2" else Target(16, 4, 5)
