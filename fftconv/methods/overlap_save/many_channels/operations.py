"""How many operations the transforms of a tile are: those that their straight lines need."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from fftconv.machine_code.arithmetic import Arithmetic
from fftconv.methods.overlap_save.many_channels import straight_lines as lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fftconv.machine_code.arithmetic import Complex, Number


class _Term:
    """A number, the operations that make it of others, and those."""

    def __init__(self, operations: int, *of: _Term) -> None:
        self.operations, self.of = operations, of


class _Counting(Arithmetic):
    """Remembers what each number is made of; a product and a sum are an operation each."""

    def plus(self, x: Number, y: Number) -> Number:
        return _Term(1, x, y)

    def minus(self, x: Number, y: Number) -> Number:
        return _Term(1, x, y)

    def negative(self, x: Number) -> Number:
        return _Term(0, x)  # what it goes to is a difference then

    def times(self, x: Number, factor: float) -> Number:
        return _Term(1, x)

    def times_plus(self, x: Number, factor: float, y: Number) -> Number:
        return _Term(2, x, y)


def _needed(numbers: Iterable[Number]) -> int:
    """Count the operations that these numbers need; what nobody uses a compiler drops."""
    seen: set[_Term] = set()
    waiting = [number for number in numbers if number is not None]
    while waiting:
        term = waiting.pop()
        if term not in seen:
            seen.add(term)
            waiting += term.of
    return sum(term.operations for term in seen)


@cache
def there(length: int, rows: int, columns: int) -> tuple[int, int]:
    """Return the operations of a column, and of all rows of a tile.

    `rows` and `columns` are how many of the tile's may not be zero.
    """
    e = _Counting()
    column = _needed(lines.column_there(e, length, _numbers(rows)))
    real = _needed(_flat(lines.real_row_there(e, length, _numbers(columns))))
    others = _complex_rows(length)
    if not others:
        return column, lines.real_rows(length) * real
    each = _needed(_flat(lines.complex_row_there(e, length, _pairs(columns))))
    return column, lines.real_rows(length) * real + others * each


@cache
def back(length: int, rows: int, columns: int) -> tuple[int, int]:
    """Return the operations of a column, and of all rows of a tile, of which so many are wanted."""
    e = _Counting()
    column = _needed(lines.column_back(e, length, _numbers(length), rows, _Term(0)))
    bins = _pairs(lines.row_bins(length))
    real = _needed(lines.real_row_back(e, length, bins, columns))
    others = _complex_rows(length)
    if not others:
        return column, lines.real_rows(length) * real
    each = _needed(_flat(lines.complex_row_back(e, length, _pairs(length), columns)))
    return column, lines.real_rows(length) * real + others * each


def _complex_rows(length: int) -> int:
    """Return how many rows of a tile are complex; Winograd's has none."""
    return lines.spectrum_rows(length) - lines.real_rows(length)


def _numbers(count: int) -> list[Number]:
    return [_Term(0) for _ in range(count)]


def _pairs(count: int) -> list[Complex]:
    return list(zip(_numbers(count), _numbers(count), strict=True))


def _flat(pairs: Iterable[Complex]) -> list[Number]:
    return [part for pair in pairs for part in pair]
