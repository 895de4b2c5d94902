"""Parts of transforms of tiles as numba intrinsics: lanes are neighbouring columns, or rows.

A complex number is a vector of real parts and one of imaginary parts, `part` bytes further.
Addresses and steps are in bytes. Exchanging the parts, where numbers are read and where they are
written, makes the inverse of a transform: it takes the address of the second and ``-part``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from fftconv.machine_code.lanes import Lanes
from fftconv.machine_code.transforms import fft
from fftconv.machine_code.transposes import transposed
from fftconv.machine_code.vectors import VECTOR_BYTES, Vectors

if TYPE_CHECKING:
    from fftconv.machine_code.arithmetic import Complex


def _stage(
    typingctx: Any, size: Any, is_turned: Any, zero: Any, source: Any, step: Any, part: Any,
    turns: Any, target: Any, target_step: Any, target_part: Any,
) -> Any:  # fmt: skip
    """Transform `size` complex vectors, each times one of `turns` before if `is_turned`."""
    if not all(isinstance(kind, types.IntegerLiteral) for kind in (size, is_turned)):
        return None
    n, turned = size.literal_value, is_turned.literal_value

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e = Lanes(builder, zero.bitwidth)
        numbers: list[Complex] = []
        for i in range(n):
            z = _load(e, e.at(args[3], args[4], i), args[5])
            if turned and i > 0:
                z = _turn(e.v, z, builder.add(args[6], e.v.integer(2 * i * e.v.item_bytes)))
            numbers.append(z)
        for k, z in enumerate(fft(e, numbers)):
            _store(e, z, e.at(args[7], args[8], k), args[9])
        return context.get_dummy_value()

    return types.void(
        size, is_turned, zero, source, step, part, turns, target, target_step, target_part
    ), codegen


def _opened(builder: Any, zero: Any) -> tuple[Lanes, Any]:
    """Return arithmetic, and the distance of imaginary parts that lie behind real ones."""
    e = Lanes(builder, zero.bitwidth)
    return e, e.v.integer(VECTOR_BYTES)


def _load(e: Lanes, place: Any, part: Any) -> Complex:
    return e.v.load(place), e.v.load(e.builder.add(place, part))


def _store(e: Lanes, z: Complex, place: Any, part: Any) -> None:
    e.v.store(z[0], place)
    e.v.store(z[1], e.builder.add(place, part))


def _turn(v: Vectors, z: Complex, place: Any) -> Complex:
    """Return z times the complex number at an address."""
    re, im = v.splat(place), v.splat(v.builder.add(place, v.integer(v.item_bytes)))
    minus = v.builder.fneg(z[1])
    return v.fused(minus, im, v.builder.fmul(z[0], re)), v.fused(z[1], re, v.builder.fmul(z[0], im))


def _transpose(
    typingctx: Any, zero: Any, source: Any, step: Any, target: Any, target_step: Any
) -> Any:
    """Transpose a block of as many vectors as lanes."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e = Lanes(builder, zero.bitwidth)
        rows = [e.v.load(e.at(args[1], args[2], i)) for i in range(e.v.lanes)]
        for i, row in enumerate(transposed(e.v, rows)):
            e.v.store(row, e.at(args[3], args[4], i))
        return context.get_dummy_value()

    return types.void(zero, source, step, target, target_step), codegen


def _part_columns(typingctx: Any, zero: Any, low: Any, high: Any, target: Any, part: Any) -> Any:
    """Part Z[k] and Z[n - k] of two real columns into twice the spectra of each.

    The columns lie beside each other, in `target`.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e, step = _opened(builder, zero)
        a, b = _load(e, args[1], step), _load(e, args[2], step)
        second = builder.add(args[3], step)
        _store(e, (e.plus(a[0], b[0]), e.minus(a[1], b[1])), args[3], args[4])
        _store(e, (e.plus(a[1], b[1]), e.minus(b[0], a[0])), second, args[4])
        return context.get_dummy_value()

    return types.void(zero, low, high, target, part), codegen


def _join_columns(
    typingctx: Any, zero: Any, source: Any, part: Any, scale: Any, low: Any, high: Any
) -> Any:
    """Do the reverse of `part_columns`, times the number at the address `scale`."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e, step = _opened(builder, zero)
        a, b = _load(e, args[1], args[2]), _load(e, builder.add(args[1], step), args[2])
        factor = e.v.splat(args[3])
        (a_re, a_im), (b_re, b_im) = a, (builder.fmul(z, factor) for z in b)
        low = e.v.fused(a_re, factor, e.negative(b_im)), e.v.fused(a_im, factor, b_re)
        high = e.v.fused(a_re, factor, b_im), e.v.fused(e.negative(a_im), factor, b_re)
        _store(e, low, args[4], step)
        _store(e, high, args[5], step)
        return context.get_dummy_value()

    return types.void(zero, source, part, scale, low, high), codegen


def _copy_scaled(typingctx: Any, zero: Any, source: Any, scale: Any, target: Any) -> Any:
    """Write two vectors times the number at the address `scale`."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e, step = _opened(builder, zero)
        factor = e.v.splat(args[2])
        a = _load(e, args[1], step)
        _store(e, (builder.fmul(a[0], factor), builder.fmul(a[1], factor)), args[3], step)
        return context.get_dummy_value()

    return types.void(zero, source, scale, target), codegen


def _first(e: Lanes, first: Any, others: Any) -> Any:
    """Return lane 0 of one vector and the others of another."""
    lanes = e.v.lanes
    pattern = ir.Constant(e.v.indices, [0, *range(lanes + 1, 2 * lanes)])
    return e.builder.shuffle_vector(first, others, pattern)


def _part_row(typingctx: Any, zero: Any, low: Any, high: Any) -> Any:
    """Part lane 0 of Z[k] and Z[n - k], which is of two real rows, into twice their spectra."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e, step = _opened(builder, zero)
        a, b = _load(e, args[1], step), _load(e, args[2], step)
        one, other = (
            (e.plus(a[0], b[0]), e.minus(a[1], b[1])),
            (e.plus(a[1], b[1]), e.minus(b[0], a[0])),
        )
        _store(e, (_first(e, one[0], a[0]), _first(e, one[1], a[1])), args[1], step)
        _store(e, (_first(e, other[0], b[0]), _first(e, other[1], b[1])), args[2], step)
        return context.get_dummy_value()

    return types.void(zero, low, high), codegen


def _join_row(
    typingctx: Any, zero: Any, low: Any, high: Any, low_target: Any, high_target: Any
) -> Any:
    """Do the reverse of `part_row`."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e, step = _opened(builder, zero)
        a, b = _load(e, args[1], step), _load(e, args[2], step)
        one = e.minus(a[0], b[1]), e.plus(a[1], b[0])
        other = e.plus(a[0], b[1]), e.minus(b[0], a[1])
        _store(e, (_first(e, one[0], a[0]), _first(e, one[1], a[1])), args[3], step)
        _store(e, (_first(e, other[0], b[0]), _first(e, other[1], b[1])), args[4], step)
        return context.get_dummy_value()

    return types.void(zero, low, high, low_target, high_target), codegen


def _part_end(typingctx: Any, zero: Any, place: Any, other: Any) -> Any:
    """Part lane 0 of Z[0] or Z[n / 2] into two real numbers, doubled, of which one goes apart."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e, step = _opened(builder, zero)
        z, none = _load(e, args[1], step), e.v.zero()
        re, im = (e.plus(x, x) for x in z)
        _store(e, (_first(e, re, z[0]), _first(e, none, z[1])), args[1], step)
        _store(e, (_first(e, im, none), none), args[2], step)
        return context.get_dummy_value()

    return types.void(zero, place, other), codegen


def _join_end(typingctx: Any, zero: Any, place: Any, other: Any, target: Any) -> Any:
    """Do the reverse of `part_end`."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e, step = _opened(builder, zero)
        z = _load(e, args[1], step)
        _store(e, (z[0], _first(e, e.v.load(args[2]), z[1])), args[3], step)
        return context.get_dummy_value()

    return types.void(zero, place, other, target), codegen


stage: Any = intrinsic(prefer_literal=True)(_stage)
transpose: Any = intrinsic(_transpose)
part_columns: Any = intrinsic(_part_columns)
join_columns: Any = intrinsic(_join_columns)
copy_scaled: Any = intrinsic(_copy_scaled)
part_row: Any = intrinsic(_part_row)
join_row: Any = intrinsic(_join_row)
part_end: Any = intrinsic(_part_end)
join_end: Any = intrinsic(_join_end)
