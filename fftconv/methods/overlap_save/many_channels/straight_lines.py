"""Transforms of a tile's columns and rows, Fourier's and Winograd's, in whatever arithmetic.

A column of n real numbers has the spectrum r[0], r[n/2], re[1], im[1], re[2], ... in n consecutive
ones. In a tile whose columns are transformed so, row 0 and row n/2 are real, and every other pair
of rows is complex: those are transformed along the row, and give the bins of the tile's spectrum.
Of a tile of Winograd's all rows are real, and their values go in pairs to where the parts of bins
would be. Zeros behind the numbers that are given cost nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fftconv.machine_code import winograd
from fftconv.machine_code.transforms import fft, irfft, rfft
from fftconv.methods.overlap_save.many_channels.lengths import is_winograd

if TYPE_CHECKING:
    from fftconv.machine_code.arithmetic import Arithmetic, Complex, Number


def real_rows(length: int) -> int:
    """Return how many rows of a tile are real, once its columns are transformed."""
    return length if is_winograd(length) else 2


def row_bins(length: int) -> int:
    """Return the bins of a real row."""
    return length // 2 + (0 if is_winograd(length) else 1)


def spectrum_rows(length: int) -> int:
    """Return how many rows there are then: the real ones, and pairs that are complex."""
    return length if is_winograd(length) else length // 2 + 1


def column_there(e: Arithmetic, n: int, x: list[Number]) -> list[Number]:
    """Transform a column of at most n numbers."""
    if is_winograd(n):
        return _values(e, n, x)
    half = rfft(e, x + [None] * (n - len(x)))
    return [half[0][0], half[n // 2][0], *(part for z in half[1 : n // 2] for part in z)]


def real_row_there(e: Arithmetic, n: int, x: list[Number]) -> list[Complex]:
    """Transform a row of real numbers to its bins, or its values in pairs."""
    if is_winograd(n):
        values = _values(e, n, x)
        return list(zip(values[0::2], values[1::2], strict=True))
    return rfft(e, x + [None] * (n - len(x)))


def complex_row_there(e: Arithmetic, n: int, x: list[Complex]) -> list[Complex]:
    """Transform a row of complex numbers to its n bins."""
    return fft(e, x + [(None, None)] * (n - len(x)))


def real_row_back(e: Arithmetic, n: int, bins: list[Complex], count: int) -> list[Number]:
    """Return the first numbers of the row that these are the bins of."""
    if is_winograd(n):
        return winograd.back(e, [value for pair in bins for value in pair], count)
    return irfft(e, bins, n)[:count]


def complex_row_back(e: Arithmetic, n: int, bins: list[Complex], count: int) -> list[Complex]:
    """Return the first numbers of a row of complex ones."""
    # Real and imaginary parts exchanged, a transform is its own inverse.
    return [(re, im) for im, re in fft(e, [(im, re) for re, im in bins])[:count]]


def column_back(e: Arithmetic, n: int, r: list[Number], count: int, bias: Number) -> list[Number]:
    """Return the first numbers of the column that has this spectrum, `bias` added to each."""
    if is_winograd(n):
        return [e.add(value, bias) for value in winograd.back(e, r, count)]
    # What is added at frequency zero is added to every number.
    mean = e.add(r[0], bias)
    pairs: list[Complex] = [(r[2 * k], r[2 * k + 1]) for k in range(1, n // 2)]
    return irfft(e, [(mean, None), *pairs, (r[1], None)], n)[:count]


def _values(e: Arithmetic, n: int, x: list[Number]) -> list[Number]:
    """Return the values of a whole tile, or of taps or outputs, which are fewer."""
    return winograd.of_tile(e, x) if len(x) == n else winograd.of_taps(e, x)
