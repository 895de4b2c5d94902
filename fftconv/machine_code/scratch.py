"""Memory that passes work in, kept between calls: new memory comes page by page, each a fault."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from types import TracebackType

#: Bytes that a Python thread keeps.
KEPT_BYTES = 12 << 20
_LINE_BYTES = 64
_kept = threading.local()


def large_memory(count: int, dtype: torch.dtype) -> torch.Tensor:
    """Return room for so many numbers, in large pages where the system has them.

    Spectra are written bin by bin, each time in another page, and pages of the usual size cost more
    than the transforms: each is a fault when it is first touched, and a miss of the processor's
    table of pages later. numpy asks the system for large ones, torch does not.
    """
    room = torch.from_numpy(np.empty(count * dtype.itemsize, np.uint8))
    return room.view(dtype)


class Scratch:
    """Room for some pieces of memory, while the context lasts.

    What a thread keeps is taken out while it is used, so that a call within a call (of a signal's
    handler, say) gets other memory.
    """

    def __init__(self, *sizes: int) -> None:
        """Take the sizes in bytes."""
        self._sizes = [-(-size // _LINE_BYTES) * _LINE_BYTES for size in sizes]

    def __enter__(self) -> list[int]:
        """Return the addresses of the pieces."""
        wanted = sum(self._sizes) + _LINE_BYTES
        memory = _kept.__dict__.pop("memory", None)
        if memory is None or memory.nbytes < wanted:
            memory = large_memory(wanted, torch.uint8)
        self._memory: torch.Tensor = memory
        place = -(-memory.data_ptr() // _LINE_BYTES) * _LINE_BYTES
        places = []
        for size in self._sizes:
            places.append(place)
            place += size
        return places

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Keep the memory for the next call, if it is little enough."""
        if self._memory.nbytes <= KEPT_BYTES:
            _kept.memory = self._memory
