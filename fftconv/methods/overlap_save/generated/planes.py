"""Compiled transforms of the columns, and of the rows, of one tile: each in two stages.

With n = first * second, the number at ``second * i + j`` has part in a transform of length `first`
for each j; what those give is turned, and is transformed by length `second`. Longer straight lines
than of `first` and `second` numbers do not fit the registers, nor the first-level cache for code.

All functions take seven integers: addresses, and distances in bytes.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from numba import types

from fftconv.machine_code.compiling import source_hash
from fftconv.machine_code.keeping import Function
from fftconv.machine_code.vectors import VECTOR_BYTES, numbers
from fftconv.methods.overlap_save.generated.stages import (
    copy_scaled,
    join_columns,
    join_end,
    join_row,
    part_columns,
    part_end,
    part_row,
    stage,
    transpose,
)
from fftconv.methods.overlap_save.tiling import OWN_FACTORS

#: Bytes of a complex vector.
COMPLEX = 2 * VECTOR_BYTES
_PLACES: Any = types.void(*[types.int64] * 7)


@cache
def columns_there(bits: int, length: int) -> Any:
    """Return the function that transforms the columns of a tile."""
    zero, item, lanes = numbers(bits)
    (first, second), middle = OWN_FACTORS[length], length // 2
    vector, complex_, source = VECTOR_BYTES, COMPLEX, source_hash(__file__, "stages")

    def transform(
        begin: Any, step: Any, width: Any, turns: Any, work: Any, target: Any, line: Any
    ) -> None:
        source  # noqa: B018 - a closure's values are part of the key of numba's cache
        one, part = turns - item, width * item
        for block in range(0, width, 2 * lanes):
            # The last block moves back rather than be narrower.
            column = min(block, width - 2 * lanes) * item
            for j in range(second):
                stage(
                    first, 0, zero, begin + column + j * step, second * step, vector, 0,
                    work + j * first * complex_, complex_, vector,
                )  # fmt: skip
            for k in range(first):
                here, apart = work + k * complex_, first * complex_
                stage(
                    second, 1, zero, here, apart, vector, turns + 2 * k * second * item,
                    here, apart, vector,
                )  # fmt: skip
            place = target + column
            copy_scaled(zero, work, one, place)
            copy_scaled(zero, work + middle * complex_, one, place + part)
            for k in range(1, middle):
                low, high = work + k * complex_, work + (length - k) * complex_
                part_columns(zero, low, high, place + k * line, part)

    return Function(transform, _PLACES)


@cache
def rows_there(bits: int, length: int) -> Any:
    """Return the function that makes a spectrum of a tile whose columns are transformed."""
    zero, item, lanes = numbers(bits)
    (first, second), middle = OWN_FACTORS[length], length // 2
    vector, complex_, source = VECTOR_BYTES, COMPLEX, source_hash(__file__, "stages")

    def transform(
        begin: Any, line: Any, height: Any, turns: Any, work: Any, target: Any, ends: Any
    ) -> None:
        source  # noqa: B018 - as above
        other, spectrum = work + length * complex_, target
        for block in range(0, height, lanes):
            place = begin + min(block, height - lanes) * line
            for next_column in range(0, length, lanes):
                column = min(next_column, length - lanes)
                real, here = place + column * item, work + column * complex_
                transpose(zero, real, line, here, complex_)
                transpose(zero, real + length * item, line, here + vector, complex_)
            for j in range(second):
                stage(
                    first, 0, zero, work + j * complex_, second * complex_, vector, 0,
                    other + j * first * complex_, complex_, vector,
                )  # fmt: skip
            for k in range(first):
                apart = first * complex_
                stage(
                    second, 1, zero, other + k * complex_, apart, vector,
                    turns + 2 * k * second * item, target + k * complex_, apart, vector,
                )  # fmt: skip
            target += length * complex_
        part_end(zero, spectrum, ends)
        part_end(zero, spectrum + middle * complex_, ends + complex_)
        for k in range(1, middle):
            part_row(zero, spectrum + k * complex_, spectrum + (length - k) * complex_)

    return Function(transform, _PLACES)


@cache
def rows_back(bits: int, length: int) -> Any:
    """Return the function that does the reverse of `rows_there`."""
    zero, item, lanes = numbers(bits)
    (first, second), middle = OWN_FACTORS[length], length // 2
    vector, complex_, source = VECTOR_BYTES, COMPLEX, source_hash(__file__, "stages")

    def transform(
        begin: Any, ends: Any, height: Any, turns: Any, work: Any, target: Any, line: Any
    ) -> None:
        source  # noqa: B018 - as above
        other = work + length * complex_
        join_end(zero, begin, ends, work)
        join_end(zero, begin + middle * complex_, ends + complex_, work + middle * complex_)
        for k in range(1, middle):
            low, high = k * complex_, (length - k) * complex_
            join_row(zero, begin + low, begin + high, work + low, work + high)
        here = work
        for block in range(0, height, lanes):
            for j in range(second):
                stage(
                    first, 0, zero, here + j * complex_ + vector, second * complex_, -vector, 0,
                    other + j * first * complex_, complex_, vector,
                )  # fmt: skip
            for k in range(first):
                number, apart = other + k * complex_, first * complex_
                stage(
                    second, 1, zero, number, apart, vector, turns + 2 * k * second * item,
                    number + vector, apart, -vector,
                )  # fmt: skip
            place = target + min(block, height - lanes) * line
            for next_column in range(0, length, lanes):
                column = min(next_column, length - lanes)
                number, real = other + column * complex_, place + column * item
                transpose(zero, number, complex_, real, line)
                transpose(zero, number + vector, complex_, real + length * item, line)
            begin += length * complex_
            here = begin

    return Function(transform, _PLACES)


@cache
def columns_back(bits: int, length: int) -> Any:
    """Return the function that does the reverse of `columns_there`, scaled."""
    zero, item, lanes = numbers(bits)
    (first, second), middle = OWN_FACTORS[length], length // 2
    vector, complex_, source = VECTOR_BYTES, COMPLEX, source_hash(__file__, "stages")

    def transform(
        begin: Any, line: Any, width: Any, turns: Any, work: Any, target: Any, step: Any
    ) -> None:
        source  # noqa: B018 - as above
        scale, part, other = turns - 2 * item, width * item, work + length * complex_
        for block in range(0, width, 2 * lanes):
            column = min(block, width - 2 * lanes) * item
            place = begin + column
            copy_scaled(zero, place, scale, work)
            copy_scaled(zero, place + part, scale, work + middle * complex_)
            for k in range(1, middle):
                low, high = work + k * complex_, work + (length - k) * complex_
                join_columns(zero, place + k * line, part, scale, low, high)
            for j in range(second):
                stage(
                    first, 0, zero, work + j * complex_ + vector, second * complex_, -vector, 0,
                    other + j * first * complex_, complex_, vector,
                )  # fmt: skip
            for k in range(first):
                stage(
                    second, 1, zero, other + k * complex_, first * complex_, vector,
                    turns + 2 * k * second * item, target + column + vector + k * step,
                    first * step, -vector,
                )  # fmt: skip

    return Function(transform, _PLACES)
