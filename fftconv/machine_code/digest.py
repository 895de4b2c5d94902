"""Whether large memory still holds what it held, told by a digest that all threads share in.

To compare a weight with a copy is to read twice as much, by one thread: of a layer with 512
channels, whose 9 MB come from memory in a network, that took 2 ms of 8. Each step of the digest can
be undone, so a change in one place is never missed, and one in several with a chance of 2^-64.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fftconv.machine_code.compiling import compile_job, compiled, source_hash
from fftconv.machine_code.pool import share
from fftconv.machine_code.shift import as_pointer
from fftconv.machine_code.vectors import take_ticket

if TYPE_CHECKING:
    from torch import Tensor

#: Bytes of a piece, each of which has a digest of its own.
PIECE_BYTES = 1 << 16
#: Sums that run beside each other, of 64 bits: two lines of the cache.
_SUMS = 16
#: An odd number, 2^64 over the golden ratio: so products can be undone.
_FACTOR = 0x9E3779B97F4A7C15 - (1 << 64)
_TURN = 29

(TICKET, PLACE, WORDS, DIGESTS, COUNT) = range(5)


def _mixed(total: int, word: int) -> int:
    """Return a sum that a word has gone into."""
    both = total ^ word
    # High bits come down before the product, which only moves them up.
    turned = (both << _TURN) | ((both >> (64 - _TURN)) & ((1 << _TURN) - 1))
    return turned * _FACTOR


mixed: Any = compiled(_mixed)


@cache
def _digests() -> Any:
    width, piece_words = _SUMS, PIECE_BYTES // 8
    source = source_hash(__file__)

    def digests_job(job: Any) -> None:
        source  # noqa: B018 - a closure's values are part of the key of numba's cache
        sums = np.empty(width, np.int64)
        digests = as_pointer(job[DIGESTS])
        piece = take_ticket(job)
        while piece * piece_words < job[WORDS]:
            memory = as_pointer(job[PLACE] + piece * piece_words * 8)
            words = min(piece_words, job[WORDS] - piece * piece_words)
            for n in range(width):
                sums[n] = n
            for row in range(0, words, width):
                for n in range(width):
                    sums[n] = mixed(sums[n], memory[row + n])
            total = words
            for n in range(width):
                total = mixed(total, sums[n])
            digests[piece] = total
            piece = take_ticket(job)

    return compile_job(digests_job)


def digest(memory: Tensor) -> bytes:
    """Return the digest of a dense tensor of the CPU's; its last bytes stand in it as they are."""
    size, place = memory.nbytes, memory.data_ptr()
    whole = size - size % (8 * _SUMS)
    pieces = -(-whole // PIECE_BYTES)
    digests = (ctypes.c_int64 * pieces)()
    job = (ctypes.c_int64 * COUNT)(0, place, whole // 8, ctypes.addressof(digests))
    if pieces:
        threads = min(torch.get_num_threads(), pieces)
        share(_digests().address, ctypes.addressof(job), threads)
    return bytes(digests) + ctypes.string_at(place + whole, size - whole)
