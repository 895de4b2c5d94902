"""Transforms of the columns and rows of a tile as numba intrinsics, one channel to a lane.

Fourier's first, Winograd's below.

A column of real numbers has the spectrum r[0], r[n/2], re[1], im[1], re[2], ... in n consecutive
vectors. In a tile whose columns are transformed so, row 0 and row n/2 are real, and every other
pair of rows is complex: those are transformed along the row, and give the bins of the tile's
spectrum. A bin lies `bin` bytes from the one before it, its imaginary part `part` bytes further.
Of a tile of Winograd's all rows are real, and their values go in pairs to where the parts of bins
would be. Addresses and strides are in bytes.
"""

from __future__ import annotations

from typing import Any

from numba.core import types
from numba.extending import intrinsic

from fftconv.machine_code import winograd
from fftconv.machine_code.lanes import Lanes
from fftconv.machine_code.transforms import fft, irfft, rfft
from fftconv.machine_code.vectors import VECTOR_BYTES
from fftconv.methods.overlap_save.many_channels.lengths import is_winograd


def real_rows(length: int) -> int:
    """Return how many rows of a tile are real, once its columns are transformed."""
    return length if is_winograd(length) else 2


def row_bins(length: int) -> int:
    """Return the bins of a real row."""
    return length // 2 + (0 if is_winograd(length) else 1)


def spectrum_rows(length: int) -> int:
    """Return how many rows there are then: the real ones, and pairs that are complex."""
    return length if is_winograd(length) else length // 2 + 1


def _literals(*kinds: Any) -> list[int] | None:
    if all(isinstance(kind, types.IntegerLiteral) for kind in kinds):
        return [kind.literal_value for kind in kinds]
    return None


def _column_there(
    typingctx: Any, length: Any, count: Any, zero: Any, source: Any, stride: Any, limit: Any,
    zeros: Any, target: Any,
) -> Any:  # fmt: skip
    """Transform the `limit` (count - 3 to count) numbers of a column, and zeros behind them."""
    sizes = _literals(length, count)
    if sizes is None:
        return None
    n, m = sizes

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e = Lanes(builder, zero.bitwidth)
        x: list[Any] = [e.v.load(place) for place in e.sources(args[3], args[4], m, *args[5:7])]
        packed = _values(e, n, x) if is_winograd(n) else _packed(e, n, x)
        for i, value in enumerate(packed):
            e.v.store(
                e.v.zero() if value is None else value,
                e.at(args[7], e.v.integer(VECTOR_BYTES), i),
            )
        return context.get_dummy_value()

    return types.void(length, count, zero, source, stride, limit, zeros, target), codegen


def _row_there(
    typingctx: Any, length: Any, count: Any, is_real: Any, zero: Any, source: Any, stride: Any,
    limit: Any, zeros: Any, target: Any, bins: Any, part: Any,
) -> Any:  # fmt: skip
    """Transform a row of real numbers (n / 2 + 1 bins) or of complex ones (n bins).

    Winograd's are real (n / 2 pairs).
    """
    sizes = _literals(length, count, is_real)
    if sizes is None:
        return None
    n, m, real = sizes

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e = Lanes(builder, zero.bitwidth)
        places = e.sources(args[4], args[5], m, *args[6:8])
        if real:
            x: list[Any] = [e.v.load(place) for place in places]
            if is_winograd(n):
                values = _values(e, n, x)
                out = list(zip(values[0::2], values[1::2], strict=True))
            else:
                out = rfft(e, x + [None] * (n - m))
        else:
            pairs: list[Any] = [(e.v.load(place), e.v.load(e.second(place))) for place in places]
            out = fft(e, pairs + [(None, None)] * (n - m))
        for k, value in enumerate(out):
            e.store_bin(value, e.at(args[8], args[9], k), args[10])
        return context.get_dummy_value()

    return types.void(
        length, count, is_real, zero, source, stride, limit, zeros, target, bins, part
    ), codegen


def _row_back(
    typingctx: Any, length: Any, count: Any, is_real: Any, zero: Any, source: Any, bins: Any,
    part: Any, target: Any, stride: Any,
) -> Any:  # fmt: skip
    """Transform bins back to the first `count` numbers of a row, real ones or complex ones."""
    sizes = _literals(length, count, is_real)
    if sizes is None:
        return None
    n, m, real = sizes

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e = Lanes(builder, zero.bitwidth)
        half: list[Any] = []
        for k in range(row_bins(n) if real else n):
            place = e.at(args[4], args[5], k)
            alone = real and k in (0, n // 2) and not is_winograd(n)
            half.append((e.v.load(place), None if alone else e.v.load(builder.add(place, args[6]))))
        if real:
            if is_winograd(n):
                numbers = winograd.back(e, [value for pair in half for value in pair], m)
            else:
                numbers = irfft(e, half, n)[:m]
            for i, value in enumerate(numbers):
                e.v.store(value, e.at(args[7], args[8], i))
        else:
            # Real and imaginary parts exchanged, a transform is its own inverse.
            for i, (im, re) in enumerate(fft(e, [(im, re) for re, im in half])[:m]):
                place = e.at(args[7], args[8], i)
                e.v.store(re, place)
                e.v.store(im, e.second(place))
        return context.get_dummy_value()

    return types.void(length, count, is_real, zero, source, bins, part, target, stride), codegen


def _column_back(
    typingctx: Any, length: Any, count: Any, zero: Any, source: Any, target: Any, stride: Any,
    bias: Any,
) -> Any:  # fmt: skip
    """Transform a column's spectrum back to its first `count` numbers, a vector added to each."""
    sizes = _literals(length, count)
    if sizes is None:
        return None
    n, m = sizes

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e = Lanes(builder, zero.bitwidth)
        r = [e.v.load(e.at(args[3], e.v.integer(VECTOR_BYTES), i)) for i in range(n)]
        bias = e.v.load(args[6])
        if is_winograd(n):
            numbers = [e.add(value, bias) for value in winograd.back(e, r, m)]
        else:
            # What is added at frequency zero is added to every number.
            mean = e.add(r[0], bias)
            pairs: list[Any] = [(r[2 * k], r[2 * k + 1]) for k in range(1, n // 2)]
            numbers = irfft(e, [(mean, None), *pairs, (r[1], None)], n)[:m]
        for i, value in enumerate(numbers):
            e.v.store(value, e.at(args[4], args[5], i))
        return context.get_dummy_value()

    return types.void(length, count, zero, source, target, stride, bias), codegen


def _packed(e: Lanes, n: int, x: list[Any]) -> list[Any]:
    """Return the spectrum of real numbers and zeros behind them in as many numbers."""
    half = rfft(e, x + [None] * (n - len(x)))
    return [half[0][0], half[n // 2][0], *(part for z in half[1 : n // 2] for part in z)]


def _values(e: Lanes, n: int, x: list[Any]) -> list[Any]:
    """Return the values of a whole tile, or of taps or outputs, which are fewer."""
    return winograd.of_tile(e, x) if len(x) == n else winograd.of_taps(e, x)


column_there: Any = intrinsic(prefer_literal=True)(_column_there)
row_there: Any = intrinsic(prefer_literal=True)(_row_there)
row_back: Any = intrinsic(prefer_literal=True)(_row_back)
column_back: Any = intrinsic(prefer_literal=True)(_column_back)
