"""Transforms of the columns and rows of a tile as numba intrinsics, one channel to a lane.

A bin lies `bin` bytes from the one before it, its imaginary part `part` bytes further. Addresses
and strides are in bytes.
"""

from __future__ import annotations

from typing import Any

from numba.core import types
from numba.extending import intrinsic

from fftconv.machine_code.lanes import Lanes
from fftconv.machine_code.vectors import VECTOR_BYTES
from fftconv.methods.overlap_save.many_channels import straight_lines as lines
from fftconv.methods.overlap_save.many_channels.lengths import is_winograd


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
        for i, value in enumerate(lines.column_there(e, n, x)):
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
            out = lines.real_row_there(e, n, x)
        else:
            pairs: list[Any] = [(e.v.load(place), e.v.load(e.second(place))) for place in places]
            out = lines.complex_row_there(e, n, pairs)
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
        for k in range(lines.row_bins(n) if real else n):
            place = e.at(args[4], args[5], k)
            alone = real and k in (0, n // 2) and not is_winograd(n)
            half.append((e.v.load(place), None if alone else e.v.load(builder.add(place, args[6]))))
        if real:
            for i, value in enumerate(lines.real_row_back(e, n, half, m)):
                e.v.store(value, e.at(args[7], args[8], i))
        else:
            for i, (re, im) in enumerate(lines.complex_row_back(e, n, half, m)):
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
        for i, value in enumerate(lines.column_back(e, n, r, m, e.v.load(args[6]))):
            e.v.store(value, e.at(args[4], args[5], i))
        return context.get_dummy_value()

    return types.void(length, count, zero, source, target, stride, bias), codegen


column_there: Any = intrinsic(prefer_literal=True)(_column_there)
row_there: Any = intrinsic(prefer_literal=True)(_row_there)
row_back: Any = intrinsic(prefer_literal=True)(_row_back)
column_back: Any = intrinsic(prefer_literal=True)(_column_back)
