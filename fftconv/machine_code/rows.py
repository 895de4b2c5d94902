"""What the passes over tiles are made of, as numba intrinsics: rows, spectra, and calls of MKL."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from fftconv.machine_code.vectors import I32, I64, VECTOR_BYTES, Vectors

_BYTES = ir.PointerType(ir.IntType(8))
#: Bits of an x86 processor's control register: operands and results below normal numbers are zero.
_TINY_IS_ZERO = 0x8040


def _clear(typingctx: Any, address: Any, size: Any) -> Any:
    """Set `size` bytes to zero."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        cgutils.memset(builder, builder.inttoptr(args[0], _BYTES), args[1], 0)
        return context.get_dummy_value()

    return types.void(address, types.int64), codegen


def _copy(typingctx: Any, target: Any, source: Any, size: Any) -> Any:
    """Copy `size` bytes between places that do not overlap."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        target, source = (builder.inttoptr(place, _BYTES) for place in args[:2])
        cgutils.raw_memcpy(builder, target, source, args[2], 1)
        return context.get_dummy_value()

    return types.void(target, source, types.int64), codegen


def _add_row(typingctx: Any, zero: Any, target: Any, source: Any, count: Any) -> Any:
    """Add `count` numbers of zero's type to those at `target`."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        v = Vectors(builder, zero.bitwidth)
        _, target, source, count = args
        _write_sums(v, target, source, count, None)
        return context.get_dummy_value()

    return types.void(zero, target, source, types.int64), codegen


def _add_number(
    typingctx: Any, zero: Any, target: Any, source: Any, number: Any, count: Any
) -> Any:
    """Write to `target` the `count` numbers at `source`, each with the one at `number` added."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        v = Vectors(builder, zero.bitwidth)
        _, target, source, number, count = args
        _write_sums(v, target, source, count, v.splat(number))
        return context.get_dummy_value()

    return types.void(zero, target, source, number, types.int64), codegen


def _write_sums(v: Vectors, target: Any, source: Any, count: Any, number: Any | None) -> None:
    """Write to `target` what is at `source` plus a vector, without one plus what is there."""
    builder = v.builder

    def step(at: Any) -> None:
        more = v.load(v.address(target, at)) if number is None else number
        v.store(builder.fadd(v.load(v.address(source, at)), more), v.address(target, at))

    whole = builder.and_(count, v.integer(-v.lanes))
    _each_vector(v, whole, step)
    rest = v.below(v.lane_numbers(v.integer(0)), builder.sub(count, whole))
    place = v.address(target, whole)
    more = v.masked_load(place, rest) if number is None else number
    last = v.masked_load(v.address(source, whole), rest)
    v.masked_store(builder.fadd(last, more), place, rest)


def _scale(typingctx: Any, zero: Any, place: Any, count: Any, factor: Any) -> Any:
    """Multiply `count` whole vectors, one behind the other, by a number."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        v = Vectors(builder, zero.bitwidth)
        _, place, count, factor = args
        by = v.repeated(factor)
        with v.loop(v.integer(0), count) as n:
            here = builder.add(place, builder.mul(n, v.integer(VECTOR_BYTES)))
            v.store(builder.fmul(v.load(here), by), here)
        return context.get_dummy_value()

    return types.void(zero, place, types.int64, zero), codegen


def _multiply(
    typingctx: Any,
    zero: Any,
    conjugate: Any,
    add: Any,
    target: Any,
    left: Any,
    right: Any,
    count: Any,
) -> Any:
    """Multiply spectra: `count` real numbers, real and imaginary parts in turn, whole vectors.

    Parameters
    ----------
    zero
        A number of the element type.
    conjugate, add
        Constants: 1 to take the conjugate of `right`, 1 to add to what is at `target`.
    target, left, right
        Addresses; `target` may be one of the others.
    count
        A multiple of the numbers in a vector.
    """
    flags = [kind.literal_value for kind in (conjugate, add) if isinstance(kind, _LITERAL)]
    if len(flags) < 2:
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        v = Vectors(builder, zero.bitwidth)
        _, _, _, target, left, right, count = args
        signs = (1.0, -1.0) if flags[0] else (-1.0, 1.0)
        turned = ir.Constant(v.vector, [signs[lane % 2] for lane in range(v.lanes)])

        def rearranged(vector: Any, order: list[int]) -> Any:
            return builder.shuffle_vector(vector, vector, ir.Constant(v.indices, order))

        def step(at: Any) -> None:
            a, b = v.load(v.address(left, at)), v.load(v.address(right, at))
            lanes = range(v.lanes)
            real = rearranged(b, [lane & ~1 for lane in lanes])
            imaginary = builder.fmul(rearranged(b, [lane | 1 for lane in lanes]), turned)
            swapped = rearranged(a, [lane ^ 1 for lane in lanes])
            place = v.address(target, at)
            if flags[1]:
                other = v.fused(swapped, imaginary, v.load(place))
            else:
                other = builder.fmul(swapped, imaginary)
            v.store(v.fused(a, real, other), place)

        _each_vector(v, count, step)
        return context.get_dummy_value()

    kinds = (zero, conjugate, add, target, left, right, types.int64)
    return types.void(*kinds), codegen


def _multiply_parts(
    typingctx: Any,
    zero: Any,
    conjugate: Any,
    add: Any,
    target: Any,
    left: Any,
    right: Any,
    count: Any,
) -> Any:
    """Multiply as `multiply` does, spectra of vectors of real and of imaginary parts in turn.

    `count` is a multiple of the numbers in two vectors.
    """
    flags = [kind.literal_value for kind in (conjugate, add) if isinstance(kind, _LITERAL)]
    if len(flags) < 2:
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        v = Vectors(builder, zero.bitwidth)
        _, _, _, target, left, right, count = args

        def parts(place: Any, pair: Any) -> list[Any]:
            first = v.address(place, builder.mul(pair, v.integer(2 * v.lanes)))
            return [first, builder.add(first, v.integer(VECTOR_BYTES))]

        with v.loop(v.integer(0), builder.sdiv(count, v.integer(2 * v.lanes))) as pair:
            (a, b), (c, d) = (
                [v.load(part) for part in parts(place, pair)] for place in (left, right)
            )
            places = parts(target, pair)
            if flags[1]:
                real, imaginary = (
                    v.fused(x, c, v.load(place)) for x, place in zip((a, b), places, strict=True)
                )
            else:
                real, imaginary = builder.fmul(a, c), builder.fmul(b, c)
            plus, minus = (b, builder.fneg(a)) if flags[0] else (builder.fneg(b), a)
            v.store(v.fused(plus, d, real), places[0])
            v.store(v.fused(minus, d, imaginary), places[1])
        return context.get_dummy_value()

    kinds = (zero, conjugate, add, target, left, right, types.int64)
    return types.void(*kinds), codegen


def _each_vector(v: Vectors, count: Any, emit: Any) -> None:
    """Emit ``emit(first number)`` for every whole vector of `count` numbers."""
    with v.loop(v.integer(0), v.builder.sdiv(count, v.integer(v.lanes))) as n:
        emit(v.builder.mul(n, v.integer(v.lanes)))


def _transform(typingctx: Any, function: Any, handle: Any, data: Any) -> Any:
    """Call one of MKL's two functions that transform in place; return its status.

    Meanwhile numbers that are too small to be normal are zero. MKL computes vectors that it fills
    in part only, and the rest is what its memory held before: as such numbers, it made a process in
    three take up to four times as long for a tile of 24 x 24 (AVX-512), and no other.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        # It takes more arguments where it does not work in place, and so is declared.
        kind = ir.FunctionType(I64, [_BYTES, _BYTES], var_arg=True)
        function = builder.inttoptr(args[0], kind.as_pointer())
        before, meanwhile = (cgutils.alloca_once(builder, I32) for _ in range(2))
        control = ir.FunctionType(ir.VoidType(), [_BYTES])

        def of_control(name: str, place: Any) -> None:
            function = cgutils.get_or_insert_function(builder.module, control, name)
            builder.call(function, [builder.bitcast(place, _BYTES)])

        of_control("llvm.x86.sse.stmxcsr", before)
        flags = builder.or_(builder.load(before), ir.Constant(I32, _TINY_IS_ZERO))
        builder.store(flags, meanwhile)
        of_control("llvm.x86.sse.ldmxcsr", meanwhile)
        status = builder.call(function, [builder.inttoptr(args[n], _BYTES) for n in (1, 2)])
        of_control("llvm.x86.sse.ldmxcsr", before)
        return status

    return types.int64(function, handle, data), codegen


def _call(typingctx: Any, function: Any, operands: Any) -> Any:
    """Call a compiled function by its address, with a tuple of integers."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [I64] * len(operands))
        numbers = [builder.extract_value(args[1], n) for n in range(len(operands))]
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), numbers)
        return context.get_dummy_value()

    return types.void(function, operands), codegen


def _ticks(typingctx: Any) -> Any:
    """Return the processor's clock, in ticks that are as long as each other."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(I64, [])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.readcyclecounter")
        return builder.call(function, [])

    return types.int64(), codegen


def _add_atomically(typingctx: Any, numbers: Any, index: Any, amount: Any) -> Any:
    """Add to one of the integers that a pointer leads to; return what it was before."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = builder.gep(args[0], [args[1]])
        return builder.atomic_rmw("add", place, args[2], "monotonic")

    return types.int64(numbers, types.int64, types.int64), codegen


_LITERAL = types.IntegerLiteral
clear: Any = intrinsic(_clear)
scale: Any = intrinsic(_scale)
copy: Any = intrinsic(_copy)
add_row: Any = intrinsic(_add_row)
add_number: Any = intrinsic(_add_number)
multiply: Any = intrinsic(prefer_literal=True)(_multiply)
multiply_parts: Any = intrinsic(prefer_literal=True)(_multiply_parts)
transform: Any = intrinsic(_transform)
call: Any = intrinsic(_call)
ticks: Any = intrinsic(_ticks)
add_atomically: Any = intrinsic(_add_atomically)
