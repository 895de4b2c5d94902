"""New memory in large pages, where the system has them and is asked for them.

Each page is a fault when it is first touched, and a miss of the processor's table of pages later.
To fill 64 MB that torch has just taken from the system took 40 ms on a virtual Zen 3, by pages of
4 KiB, 11 ms in large pages, and 8 where the memory was there before. numpy asks for large pages,
torch does not: so what is returned, or worked in, and is large is asked for here.
"""

from __future__ import annotations

import ctypes
import mmap
from contextlib import suppress
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: What is smaller comes from memory that the process had before, more often than not. (numpy's.)
LARGE_BYTES = 1 << 22

_madvise: Callable[[int, int, int], int] | None = None
with suppress(OSError, AttributeError, TypeError):  # a system without it, or without a libc to ask
    _madvise = ctypes.CDLL(None).madvise
    _madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_ADVICE: int = getattr(mmap, "MADV_HUGEPAGE", -1)


def new(like: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """Return a new dense tensor of a tensor's dtype and device, with whatever stands in it."""
    made = like.new_empty(shape)
    ask(made)
    return made


def room(size: int) -> torch.Tensor:
    """Return so many bytes of the CPU's, whatever torch's default device is."""
    made = torch.empty(size, dtype=torch.uint8, device="cpu")
    ask(made)
    return made


def ask(memory: torch.Tensor) -> None:
    """Ask for large pages for new memory, if it is large; whether they come does not matter."""
    if memory.nbytes < LARGE_BYTES or _madvise is None or _ADVICE < 0 or not memory.is_cpu:
        return
    start = -(-memory.data_ptr() // mmap.PAGESIZE) * mmap.PAGESIZE
    _madvise(start, memory.data_ptr() + memory.nbytes - start, _ADVICE)
