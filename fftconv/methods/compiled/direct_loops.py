"""The loops around the register blocks, one compiled function per specialisation.

Every function works through the pieces of a job whose fields are named in
`fftconv.methods.compiled.fields`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from fftconv.machine_code.compiling import compile_job, source_hash
from fftconv.machine_code.memory import LINE_BYTES
from fftconv.machine_code.tickets import next_piece
from fftconv.machine_code.vectors import numbers, prefetch
from fftconv.methods.compiled import fields as at
from fftconv.methods.compiled.register_blocks import broadcast_tile, dot_tile


@cache
def broadcast(bits: int, rows: int, planes: int, columns: int, size: int) -> Any:
    """Return the function for wide outputs.

    Parameters
    ----------
    bits
        32 or 64.
    rows, planes
        Output rows per tile, 1, 2 or 4, and planes: the output must not be lower nor have fewer,
        nor b be lower than ``rows - 1``.
    columns
        Vectors of columns per tile, `register_blocks.WIDE` at most. With fewer no output is wider
        than a tile.
    size
        The side of the square filters that the function is unrolled for, 0 for any filter.
    """
    zero, item, lanes = numbers(bits)
    source = source_hash(__file__, "fields", "register_blocks")

    def broadcast_job(job: Any) -> None:
        source  # noqa: B018 - a closure's values are part of the key of numba's cache
        a0, b0, out0, start0 = job[at.A], job[at.B], job[at.OUT], job[at.START]
        ps, qs, terms = job[at.PS], job[at.QS], job[at.TERMS]
        height, width = job[at.HEIGHT], job[at.WIDTH]
        kernel_h, kernel_w = job[at.KERNEL_H], job[at.KERNEL_W]
        out_h, out_w, top, left = job[at.OUT_H], job[at.OUT_W], job[at.TOP], job[at.LEFT]
        a_h, o_h, band, bands = job[at.A_H], job[at.OUT_STEP_H], job[at.BAND], job[at.BANDS]
        b_q, o_q, start_q = job[at.B_Q], job[at.OUT_Q], job[at.START_STEP] // item
        steps = (job[at.A_S], a_h, job[at.B_S], job[at.B_H], job[at.B_W], o_h, b_q, o_q, start_q)
        full = columns * lanes
        stacks = -(-qs // planes)
        pieces = job[at.PIECES]
        piece = next_piece(job, job[at.RUN], -1)
        while piece < pieces:
            # The last planes, too, are as many as the others.
            q = min(piece % stacks * planes, qs - planes)
            rest = piece // stacks
            start = rest % bands * band
            rest //= bands
            p = rest % ps
            g = rest // ps
            a = a0 + item * (g * job[at.A_G] + p * job[at.A_P])
            b = b0 + item * (g * job[at.B_G] + q * b_q)
            out = out0 + item * (g * job[at.OUT_G] + p * job[at.OUT_P] + q * o_q)
            channel = start0 + item * start_q * (g * qs + q)
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
                        channel,
                    )
                    shape = (terms, kernel_h, kernel_w, row_lo, row_hi, col, width, todo)
                    # The rows that the next block reads first; small planes are over before the
                    # processor has noticed that they are read in order.
                    ahead = places[0] + item * (kernel_h + rows - 1) * a_h
                    beyond = places[2] + item * rows * o_h
                    for _ in range(rows):
                        for line in range(0, full * item, LINE_BYTES):
                            prefetch(ahead + line, 0)
                            prefetch(beyond + line, 1)
                        ahead += item * a_h
                        beyond += item * o_h
                    inside = todo >= full and col >= 0 and col + full + kernel_w - 1 <= width
                    if inside and (whole or size == 0):
                        broadcast_tile(rows, planes, columns, 0, size, zero, places, shape, steps)
                    else:
                        broadcast_tile(rows, planes, columns, 1, size, zero, places, shape, steps)
                    j += full
            piece = next_piece(job, job[at.RUN], piece)

    return compile_job(broadcast_job)


@cache
def dot(bits: int, rows: int, planes: int, columns: int) -> Any:
    """Return the function for small outputs and wide ``b``.

    Each piece writes sums of its own, one set of outputs per share of the terms and band of the
    rows of ``a``; the caller adds the sets.

    Parameters
    ----------
    bits
        32 or 64.
    rows, planes, columns
        The outputs per tile; the output must not be smaller, nor b lower than ``rows - 1``.
    """
    zero, item, lanes = numbers(bits)
    source = source_hash(__file__, "fields", "register_blocks")

    def dot_job(job: Any) -> None:
        source  # noqa: B018 - a closure's values are part of the key of numba's cache
        a0, b0, out0 = job[at.A], job[at.B], job[at.OUT]
        ps, qs, terms = job[at.PS], job[at.QS], job[at.TERMS]
        height, width = job[at.HEIGHT], job[at.WIDTH]
        kernel_h, kernel_w = job[at.KERNEL_H], job[at.KERNEL_W]
        out_h, out_w, top, left = job[at.OUT_H], job[at.OUT_W], job[at.TOP], job[at.LEFT]
        a_s, a_h, b_s, o_h = job[at.A_S], job[at.A_H], job[at.B_S], job[at.OUT_STEP_H]
        band, bands, share, shares = job[at.BAND], job[at.BANDS], job[at.SHARE], job[at.SHARES]
        b_h, b_q, o_q = job[at.B_H], job[at.B_Q], job[at.OUT_Q]
        stacks = -(-qs // planes)
        pieces = job[at.PIECES]
        piece = next_piece(job, job[at.RUN], -1)
        while piece < pieces:
            # The last planes, too, are as many as the others.
            q = min(piece % stacks * planes, qs - planes)
            rest = piece // stacks
            p = rest % ps
            rest //= ps
            part = rest % (bands * shares)
            g = rest // (bands * shares)
            start = part % bands * band
            first = part // bands * share
            count = min(share, terms - first)
            a = a0 + item * (g * job[at.A_G] + p * job[at.A_P] + first * a_s)
            b = b0 + item * (g * job[at.B_G] + q * b_q + first * b_s)
            out = out0 + item * (g * job[at.OUT_G] + p * job[at.OUT_P] + q * o_q)
            out += item * part * job[at.OUT_PART]
            # One of the sums that the caller adds up takes the channel's number along.
            channel, start_q = job[at.NOTHING], 0
            if part == 0:
                channel = job[at.START] + job[at.START_STEP] * (g * qs + q)
                start_q = job[at.START_STEP] // item
            steps = (a_s, a_h, b_s, b_h, o_h, b_q, o_q, start_q)
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
                        channel,
                    )
                    limits = (row_lo, row_hi, col, width, clear_lo, clear_hi)
                    shape = (count, kernel_h, kernel_w, *limits)
                    dot_tile(rows, planes, columns, zero, places, shape, steps)
            piece = next_piece(job, job[at.RUN], piece)

    return compile_job(dot_job)
