"""Memory that passes work in, kept between calls: new memory comes page by page, each a fault."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import torch

from fftconv.machine_code.memory import LINE_BYTES, memory_bytes
from fftconv.machine_code.pages import room

if TYPE_CHECKING:
    from types import TracebackType

#: Bytes that a Python thread keeps, in all: spectra of a deep layer's weight, which a step of
#: training makes anew, are 40 to 280 MB. With new memory each time, steps took a fifth longer
#: (Zen 3), and the forward pass of 512 channels of 28x28 half as long again (Xeon).
KEPT_BYTES = max(1 << 27, memory_bytes() // 32)


class _Kept(threading.local):
    """What a thread keeps, the smallest first."""

    def __init__(self) -> None:
        self.pieces: list[torch.Tensor] = []


_kept = _Kept()


def _taken(wanted: int) -> torch.Tensor | None:
    """Return the smallest piece that is large enough, which is kept no longer."""
    pieces = _kept.pieces
    for place, piece in enumerate(pieces):
        if piece.nbytes >= wanted:
            return pieces.pop(place)
    return None


def _keep(piece: torch.Tensor) -> None:
    """Keep a piece, in the place of the smallest if there are too many."""
    if piece.nbytes > KEPT_BYTES:
        return
    if not _kept.pieces:
        _kept.pieces = [piece]
        return
    # A new list: a handler of a signal may come to the old one at any moment.
    pieces = sorted([*_kept.pieces, piece], key=lambda piece: piece.nbytes)
    while sum(piece.nbytes for piece in pieces) > KEPT_BYTES:
        del pieces[0]
    _kept.pieces = pieces


def aligned(memory: torch.Tensor) -> int:
    """Return the address of the first cache line in a tensor."""
    return -(-memory.data_ptr() // LINE_BYTES) * LINE_BYTES


class Scratch:
    """Room for some pieces of memory, while the context lasts.

    What a thread keeps is taken out while it is used, so that a call within a call gets other
    memory: of a signal's handler, say, or of the pass that fills a piece.
    """

    def __init__(self, *sizes: int) -> None:
        """Take the sizes in bytes."""
        self._sizes = [-(-size // LINE_BYTES) * LINE_BYTES for size in sizes]

    def __enter__(self) -> list[int]:
        """Return the addresses of the pieces."""
        wanted = sum(self._sizes) + LINE_BYTES
        kept = _taken(wanted)
        self._memory = room(wanted) if kept is None else kept
        place = aligned(self._memory)
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
        """Keep the memory for the next call."""
        _keep(self._memory)
