"""Which piece of a job a thread does next."""

from __future__ import annotations

from typing import Any

from fftconv.machine_code.compiling import compiled
from fftconv.machine_code.vectors import take_ticket


def _next_piece(job: Any, run: int, piece: int) -> int:
    """Return the piece after one; if its run is over, or there was none (-1), the first of another.

    A ticket is for a run of pieces that begins at a multiple of its length.
    """
    piece += 1
    return piece if piece % run > 0 else run * take_ticket(job)


next_piece: Any = compiled(_next_piece)
