"""One complex matrix product per frequency, as three real ones; of Winograd's values real ones.

With a the left factor and b the right one,

    p = (re a + im a) re b,    re(a conj b) = p + im a (im b - re b),
                               im(a conj b) = p - re a (im b + re b)

Each of the three sums runs over its terms with all of the registers for one block of the product,
so nothing but the products themselves keeps the processor busy. What are not complex numbers, but
pairs of values, are two sums, each of its part.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from fftconv.machine_code.compiling import compile_job, compiled
from fftconv.machine_code.rows import add_atomically, ticks
from fftconv.machine_code.vectors import VECTOR_BYTES, numbers, take_ticket
from fftconv.methods.overlap_save.many_channels import fields as at
from fftconv.methods.overlap_save.many_channels.blocks import TALL, TALLER, pack
from fftconv.methods.overlap_save.many_channels.pieces import spent
from fftconv.methods.overlap_save.many_channels.sources import source_hash
from fftconv.methods.overlap_save.many_channels.sums import at_once, in_parts


def _height(rows: int, heights: tuple[int, ...]) -> int:
    """Return how high the next block is: about as high as all that follow."""
    blocks = (rows + heights[0] - 1) // heights[0]
    even = (rows + blocks - 1) // blocks
    higher = heights[0]
    for height in heights:
        if height >= even and height <= rows:
            higher = height
        if height <= even:
            return height if rows < heights[0] else higher
    return 1


next_height: Any = compiled(_height)


@cache
def product(bits: int, winograd: bool) -> Any:
    """Return the function that multiplies spectra of 32 or 64 bits, or values, bin by bin.

    The product may take the left factor's place.
    """
    zero, _, lanes = numbers(bits)
    vector = VECTOR_BYTES
    real, summed = int(winograd), in_parts if winograd else at_once
    two, one = (summed(vectors, real, zero) for vectors in (2, 1))
    tall, taller = TALL, TALLER
    copies = 1 if winograd else 2  # of complex numbers, sums of their parts come first
    source = source_hash()

    def product_job(job: Any) -> None:
        source  # noqa: B018 - a closure's values are part of the key of numba's cache
        start, done = ticks(), 0
        scratch = job[at.P_SCRATCH] + job[at.P_SLOT] * add_atomically(job, at.P_SLOTS, 1)
        tiles, channels = job[at.P_TILES], job[at.P_CHANNELS]
        rows, terms, vectors = job[at.ROWS], job[at.SUMS], job[at.VECTORS]
        row_step, term_step = job[at.LEFT_ROW], job[at.LEFT_TERM]
        apart = tiles * job[at.PACKED_TILE]
        bins, adds = job[at.P_BINS], job[at.P_ADDS]
        spare = (scratch + job[at.P_SPARE], 2 * vector, 4 * vector)
        pieces = bins * job[at.P_GROUPS]
        piece = take_ticket(job)
        while piece < pieces:
            group = piece // bins
            number = piece % bins
            left = job[at.LEFT_PLACE] + group * job[at.LEFT_GROUP] + number * job[at.LEFT_BIN]
            totals, reals, imaginaries = left, left, left + job[at.LEFT_PART]
            if job[at.PACKED_TILE] != 0:
                imaginaries = scratch + copies * apart
                totals, reals = scratch, imaginaries - apart
                for t in range(tiles):
                    pack(
                        real, zero, left + t * job[at.LEFT_TILE], job[at.LEFT_PART],
                        scratch + t * job[at.PACKED_TILE], apart, (channels + lanes - 1) // lanes,
                    )  # fmt: skip
            right = job[at.RIGHT_PLACE] + group * job[at.RIGHT_GROUP] + number * job[at.RIGHT_BIN]
            out = job[at.OUT_PLACE] + group * job[at.OUT_GROUP] + number * job[at.OUT_BIN]
            for n in range(0, vectors, 2):
                begin = 0
                while begin < rows:
                    if n + 1 < vectors:
                        high = next_height(rows - begin, tall)
                    else:
                        high = next_height(rows - begin, taller)
                    outs = (
                        out + begin * job[at.OUT_ROW] + n * vector, job[at.OUT_PART],
                        job[at.OUT_ROW],
                    )  # fmt: skip
                    here = begin * row_step
                    lefts = (
                        totals + here, reals + here, imaginaries + here, row_step, term_step,
                    )  # fmt: skip
                    rights = (
                        right + n // 2 * job[at.RIGHT_PAIR], job[at.RIGHT_PART],
                        job[at.RIGHT_TERM], job[at.RIGHT_PAIR] if begin == 0 else 0,
                    )  # fmt: skip
                    if n + 1 < vectors:
                        two(high, adds, terms, lefts, rights, outs, spare)
                    else:
                        one(high, adds, terms, lefts, rights, outs, spare)
                    begin += high
            done += rows * terms * vectors
            piece = take_ticket(job)
        spent(job[at.P_COUNTER], start, done, 0)

    return compile_job(product_job)
