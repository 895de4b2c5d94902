"""Memory that passes work in, kept between calls: new memory comes page by page, each a fault."""

from __future__ import annotations

import threading
from bisect import insort
from operator import itemgetter
from typing import TYPE_CHECKING

import torch

from fftconv.machine_code.memory import LINE_BYTES, memory_bytes
from fftconv.machine_code.pages import room

if TYPE_CHECKING:
    from types import TracebackType
    from typing import TypeAlias

    _Piece: TypeAlias = tuple[int, int, torch.Tensor]

#: Bytes that a Python thread keeps, in all: spectra of a deep layer's weight, which a step of
#: training makes anew, are 40 to 280 MB. With new memory each time, steps took a fifth longer
#: (Zen 3), and the forward pass of 512 channels of 28x28 half as long again (Xeon).
KEPT_BYTES = max(1 << 27, memory_bytes() // 32)


class _Kept(threading.local):
    """What a thread keeps, the smallest first: bytes, place of the first line, and the memory."""

    def __init__(self) -> None:
        self.pieces: list[_Piece] = []


_kept = _Kept()
_bytes_of = itemgetter(0)


def _taken(wanted: int) -> _Piece | None:
    """Return the smallest piece that is large enough, which is kept no longer."""
    pieces = _kept.pieces
    for number, piece in enumerate(pieces):
        if piece[0] >= wanted:
            return pieces.pop(number)
    return None


def _keep(piece: _Piece) -> None:
    """Keep a piece, in the place of the smallest if there are too many."""
    if piece[0] > KEPT_BYTES:
        return
    # A new list: a handler of a signal may come to the old one at any moment.
    pieces = [*_kept.pieces]
    insort(pieces, piece)
    while sum(map(_bytes_of, pieces)) > KEPT_BYTES:
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
        piece = _taken(wanted)
        if piece is None:
            memory = room(wanted)
            piece = memory.nbytes, aligned(memory), memory
        self._piece = piece
        place = piece[1]
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
        _keep(self._piece)
