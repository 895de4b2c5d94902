"""Memory that passes work in, kept between calls: new memory comes page by page, each a fault."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from types import TracebackType

#: Bytes that a Python thread keeps.
KEPT_BYTES = 8 << 20
_LINE_BYTES = 64
_kept = threading.local()


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
            memory = torch.empty(wanted, dtype=torch.uint8, device="cpu")
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
