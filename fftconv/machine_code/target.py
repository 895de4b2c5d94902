"""The vector unit that code is compiled for, as far as costs depend on it: no numba is needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch


@dataclass(frozen=True)
class Target:
    """The vector unit: bytes in a register, registers, vectors of columns and side of dot tiles."""

    vector_bytes: int
    registers: int
    wide: int
    dot_side: int


@cache
def target() -> Target:
    """Return this processor's vector unit, as torch reports it."""
    capability = torch.backends.cpu.get_cpu_capability()
    if capability == "AVX512":
        return Target(64, 32, 4, 5)
    return Target(32, 16, 2, 3) if capability == "AVX2" else Target(16, 32, 4, 5)
