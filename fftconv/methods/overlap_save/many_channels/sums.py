"""Sums over many terms: at once, or in parts of parts, whose rounding does not grow with the terms.

What sums here takes rows of a block, 1 to add to what is there, the number of terms, the factors
and the product as `blocks.block` does, and the place and strides of a spare block.
"""

from __future__ import annotations

from typing import Any

from fftconv.machine_code.compiling import compiled
from fftconv.machine_code.rows import add_row, copy
from fftconv.machine_code.vectors import VECTOR_BYTES, numbers
from fftconv.methods.overlap_save.many_channels.blocks import block
from fftconv.methods.overlap_save.many_channels.pieces import compiled_as

#: Terms that are summed without a pause, and those of a sum of such sums. A sum's rounding grows
#: with the sum, and Winograd's way back enlarges it five times. (Largest errors over native's, 3x3,
#: 64 to 1024 channels: 2.3 to 3.9; with runs of 64 alone 3.5 to 5, a twentieth to a tenth faster.)
TERMS, MORE_TERMS = 16, 128


def at_once(vectors: int, real: int, zero: Any) -> Any:
    """Return what sums all terms in registers."""

    def all_terms(
        rows: int, adds: int, terms: int, left: Any, right: Any, out: Any, _spare: Any
    ) -> None:
        block(rows, vectors, real, zero, adds, terms, left, right, out)

    return compiled_as(all_terms, zero.dtype, vectors, real)


def in_parts(vectors: int, real: int, zero: Any) -> Any:
    """Return what sums few terms in registers, and the sums of many in the spare block first."""
    size = vectors * VECTOR_BYTES
    count = vectors * numbers(zero.dtype.itemsize * 8)[2]

    def in_runs(rows: int, terms: int, left: Any, right: Any, out: Any) -> None:
        for term in range(0, terms, TERMS):
            lefts, rights = further(left, right, term)
            adds = 1 if term > 0 else 0
            now = min(TERMS, terms - term)
            block(rows, vectors, real, zero, adds, now, lefts, rights, out)

    runs = compiled_as(in_runs, zero.dtype, vectors, real)

    def all_terms(
        rows: int, adds: int, terms: int, left: Any, right: Any, out: Any, spare: Any
    ) -> None:
        # One call: what is called twice is compiled twice.
        # Runs would write over terms that are still to be read where the product is in place.
        few = terms <= MORE_TERMS and adds == 0 and (terms <= TERMS or left[1] != out[0])
        place = out if few else spare
        for term in range(0, terms, MORE_TERMS):
            lefts, rights = further(left, right, term)
            runs(rows, min(MORE_TERMS, terms - term), lefts, rights, place)
            if few:
                return
            for number in range(2 * rows):
                row, part = number // 2, number % 2
                source = spare[0] + part * spare[1] + row * spare[2]
                target = out[0] + part * out[1] + row * out[2]
                if term > 0 or adds != 0:
                    add_row(zero, target, source, count)
                else:
                    copy(target, source, size)

    return compiled_as(all_terms, zero.dtype, vectors, real)


def _further(left: Any, right: Any, term: int) -> Any:
    """Return the factors from a term on."""
    here = term * left[4]
    return (
        (left[0] + here, left[1] + here, left[2] + here, left[3], left[4]),
        (right[0] + term * right[2], right[1], right[2], right[3]),
    )


further: Any = compiled(_further)
