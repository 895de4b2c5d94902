"""The compiled functions: loops around the register tiles, one function per specialisation.

Every function takes one pointer to 64-bit integers, a `Job`, and works through numbered pieces of
it. Threads that run the same function on the same job share the pieces: each takes the next number
until none is left. So the result does not depend on the number of threads.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numba import types

from fftconv.kernels.keeping import Function
from fftconv.kernels.tiles import broadcast_tile, dot_tile
from fftconv.kernels.vectors import REGISTERS, VECTOR_BYTES, prefetch, take_ticket

#: Vectors of columns in a full broadcast tile; with 4 rows they fill half of the registers.
WIDE = 4 if REGISTERS == 32 else 2

#: A pointer to the fields of a job, in the order in which the functions below unpack them and
#: `fftconv.kernels.correlate.Job` packs them.
JOB: Any = types.CPointer(types.int64)


@cache
def source_hash() -> str:
    """Hash the sources of the kernels: numba itself looks only at the file of a cached function."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for name in ("cuts", "entry", "fields", "passes", "rows", "shift", "tiles", "vectors"):
        # Without sources numba keeps nothing on disk, and nothing depends on this.
        with suppress(OSError):
            digest.update((here / f"{name}.py").read_bytes())
    return digest.hexdigest()


def compile_job(function: Any) -> Any:
    """Compile a function of a job, and keep it on disk for the next process."""
    return Function(function, types.void(JOB))


@cache
def broadcast(bits: int, rows: int, size: int) -> Any:
    """Return the function for wide outputs.

    Parameters
    ----------
    bits
        32 or 64.
    rows
        Output rows per tile: 1, 2 or 4; the output must not be lower, nor b than ``rows - 1``.
    size
        The side of the square filters that the function is unrolled for, 0 for any filter.
    """
    zero = np.float32(0) if bits == 32 else np.float64(0)
    item = bits // 8
    lanes = VECTOR_BYTES // item
    source = source_hash()

    def broadcast_job(job: Any) -> None:
        source  # noqa: B018 - a closure's values are part of the key of numba's cache
        a0, b0, out0, groups, ps, qs, terms = job[1], job[2], job[3], job[4], job[5], job[6], job[7]
        height, width, kernel_h, kernel_w = job[8], job[9], job[10], job[11]
        out_h, out_w, top, left = job[12], job[13], job[14], job[15]
        a_g, a_p, a_s, a_h = job[16], job[17], job[18], job[19]
        b_g, b_q, b_s, b_h, b_w = job[20], job[21], job[22], job[23], job[24]
        o_g, o_p, o_q, o_h, band, bands = job[26], job[27], job[28], job[29], job[30], job[31]
        steps = (a_s, a_h, b_s, b_h, b_w, o_h)
        full = WIDE * lanes
        pieces = groups * ps * bands * qs
        piece = take_ticket(job)
        while piece < pieces:
            q = piece % qs
            rest = piece // qs
            start = rest % bands * band
            rest //= bands
            p = rest % ps
            g = rest // ps
            a = a0 + item * (g * a_g + p * a_p)
            b = b0 + item * (g * b_g + q * b_q)
            out = out0 + item * (g * o_g + p * o_p + q * o_q)
            stop = min(start + band, out_h)
            for i in range(start, stop, rows):
                # The last block moves up, computing some rows again, rather than be lower.
                row = min(i, out_h - rows)
                row_lo = max(0, top - row)
                row_hi = min(kernel_h + rows - 1, height + top - row)
                whole = row_lo == 0 and row_hi == kernel_h + rows - 1
                j = 0
                while j < out_w:
                    col = j - left
                    todo = out_w - j
                    places = (
                        a + item * ((row - top) * a_h + col),
                        b,
                        out + item * (row * o_h + j),
                    )
                    shape = (terms, kernel_h, kernel_w, row_lo, row_hi, col, width, todo)
                    # The rows that the next block reads first; small planes are over before the
                    # processor has noticed that they are read in order.
                    ahead = places[0] + item * (kernel_h + rows - 1) * a_h
                    beyond = places[2] + item * rows * o_h
                    for _ in range(rows):
                        for line in range(0, full * item, 64):
                            prefetch(ahead + line, 0)
                            prefetch(beyond + line, 1)
                        ahead += item * a_h
                        beyond += item * o_h
                    inside = todo >= full and col >= 0 and col + full + kernel_w - 1 <= width
                    if inside and (whole or size == 0):
                        broadcast_tile(rows, WIDE, 0, size, zero, places, shape, steps)
                        j += full
                    elif todo > 2 * lanes:
                        broadcast_tile(rows, WIDE, 1, size, zero, places, shape, steps)
                        j += full
                    elif todo > lanes:
                        broadcast_tile(rows, 2, 1, size, zero, places, shape, steps)
                        j += 2 * lanes
                    else:
                        broadcast_tile(rows, 1, 1, size, zero, places, shape, steps)
                        j += lanes
            piece = take_ticket(job)

    return compile_job(broadcast_job)


@cache
def dot(bits: int, rows: int, columns: int) -> Any:
    """Return the function for small outputs and wide ``b``.

    Each piece writes sums of its own, one set of outputs per share of the terms and band of the
    rows of ``a``; the caller adds the sets.

    Parameters
    ----------
    bits
        32 or 64.
    rows, columns
        The outputs per tile; the output must not be smaller, nor b lower than ``rows - 1``.
    """
    zero = np.float32(0) if bits == 32 else np.float64(0)
    item = bits // 8
    lanes = VECTOR_BYTES // item
    source = source_hash()

    def dot_job(job: Any) -> None:
        source  # noqa: B018 - a closure's values are part of the key of numba's cache
        a0, b0, out0, groups, ps, qs, terms = job[1], job[2], job[3], job[4], job[5], job[6], job[7]
        height, width, kernel_h, kernel_w = job[8], job[9], job[10], job[11]
        out_h, out_w, top, left = job[12], job[13], job[14], job[15]
        a_g, a_p, a_s, a_h = job[16], job[17], job[18], job[19]
        b_g, b_q, b_s, b_h = job[20], job[21], job[22], job[23]
        o_part, o_g, o_p, o_q, o_h = job[25], job[26], job[27], job[28], job[29]
        band, bands, share, shares = job[30], job[31], job[32], job[33]
        steps = (a_s, a_h, b_s, b_h, o_h)
        pieces = groups * ps * qs * bands * shares
        piece = take_ticket(job)
        while piece < pieces:
            q = piece % qs
            rest = piece // qs
            p = rest % ps
            rest //= ps
            part = rest % (bands * shares)
            g = rest // (bands * shares)
            start = part % bands * band
            first = part // bands * share
            count = min(share, terms - first)
            a = a0 + item * (g * a_g + p * a_p + first * a_s)
            b = b0 + item * (g * b_g + q * b_q + first * b_s)
            out = out0 + item * (part * o_part + g * o_g + p * o_p + q * o_q)
            for i in range(0, out_h, rows):
                # The last tiles move back, computing some outputs again, rather than be smaller.
                row = min(i, out_h - rows)
                row_lo = max(0, start + top - row)
                row_hi = min(start + band, height) + top - row
                for j in range(0, out_w, columns):
                    column = min(j, out_w - columns)
                    col = column - left
                    clear_lo = max(0, -col + lanes - 1) // lanes * lanes
                    clear_hi = max(0, min(kernel_w, width - col - columns + 1)) // lanes * lanes
                    places = (
                        a + item * ((row - top) * a_h + col),
                        b,
                        out + item * (row * o_h + column),
                    )
                    limits = (row_lo, row_hi, col, width, clear_lo, clear_hi)
                    shape = (count, kernel_h, kernel_w, *limits)
                    dot_tile(rows, columns, zero, places, shape, steps)
            piece = take_ticket(job)

    return compile_job(dot_job)
