"""From planes to lanes and back: a block of as many channels by as many columns, as intrinsics.

A block has `there` channels (1 to the number of lanes). In place of the missing ones the last is
read again, whose numbers end in lanes that nobody looks at; and where a block is written, the last
one is written last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from fftconv.machine_code.vectors import VECTOR_BYTES, Vectors

if TYPE_CHECKING:
    from collections.abc import Callable


def transposed(v: Vectors, rows: list[Any]) -> list[Any]:
    """Transpose a square block: first squares that are 16 bytes wide, then those as wholes."""
    lanes = v.lanes
    wide = 16 // v.item_bytes

    def shuffle(x: Any, y: Any, pattern: list[int]) -> Any:
        return v.builder.shuffle_vector(x, y, ir.Constant(v.indices, pattern))

    def interleave(x: Any, y: Any, size: int) -> tuple[Any, Any]:
        """Take runs of `size` from x and y in turn, out of the halves of each 16 bytes."""
        halves: tuple[list[int], list[int]] = ([], [])
        for start in range(0, lanes, wide):
            for half, pattern in enumerate(halves):
                for run in range(start + half * wide // 2, start + (half + 1) * wide // 2, size):
                    numbers = range(run, run + size)
                    pattern += [*numbers, *(lanes + n for n in numbers)]
        return shuffle(x, y, halves[0]), shuffle(x, y, halves[1])

    out = list(rows)
    for first in range(0, lanes, wide):
        block = out[first : first + wide]
        if wide == 4:
            low, high = interleave(block[0], block[1], 1), interleave(block[2], block[3], 1)
            block = [*interleave(low[0], high[0], 2), *interleave(low[1], high[1], 2)]
        else:
            block = list(interleave(block[0], block[1], 1))
        out[first : first + wide] = block
    step = wide
    while step < lanes:
        for i in range(lanes):
            if not i & step:
                x, y = out[i], out[i + step]
                out[i] = shuffle(x, y, [lanes + j - step if j & step else j for j in range(lanes)])
                out[i + step] = shuffle(
                    x, y, [lanes + j if j & step else j + step for j in range(lanes)]
                )
        step *= 2
    return out


def _channels(v: Vectors, base: Any, step: Any, there: Any) -> list[Any]:
    """Return the address of each lane's channel."""
    builder = v.builder
    last = builder.sub(there, v.integer(1))
    places = [base]
    for i in range(1, v.lanes):
        number = builder.select(builder.icmp_signed("<", last, v.integer(i)), last, v.integer(i))
        places.append(builder.add(base, builder.mul(number, step)))
    return places


def _gathered(v: Vectors, args: Any, load: Callable[[Any], Any]) -> None:
    """Write a vector for each lane's column, of what `load` takes of each channel."""
    rows = [load(place) for place in _channels(v, *args[1:4])]
    for i, row in enumerate(transposed(v, rows)):
        v.store(row, v.builder.add(args[-1], v.integer(i * VECTOR_BYTES)))


def _scattered(v: Vectors, args: Any, store: Callable[[Any, Any], Any]) -> None:
    """Have `store` write each channel's columns, which lie a vector each."""
    lanes = range(v.lanes)
    rows = [v.load(v.builder.add(args[1], v.integer(i * VECTOR_BYTES))) for i in lanes]
    places = _channels(v, *args[2:5])
    for row, place in zip(reversed(transposed(v, rows)), reversed(places), strict=True):
        store(row, place)


def _gather(typingctx: Any, zero: Any, source: Any, step: Any, there: Any, target: Any) -> Any:
    """Write as many columns, a vector each, of channels that lie `step` bytes apart."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        v = Vectors(builder, zero.bitwidth)
        _gathered(v, args, v.load)
        return context.get_dummy_value()

    return types.void(zero, source, step, there, target), codegen


def _scatter(typingctx: Any, zero: Any, source: Any, target: Any, step: Any, there: Any) -> Any:
    """Write columns, a vector each, to channels that lie `step` bytes apart."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        v = Vectors(builder, zero.bitwidth)
        _scattered(v, args, v.store)
        return context.get_dummy_value()

    return types.void(zero, source, target, step, there), codegen


def _gather_narrow(
    typingctx: Any, zero: Any, source: Any, step: Any, there: Any, width: Any, target: Any
) -> Any:
    """Do as `gather` does with fewer columns; as many vectors are written, the last of no use."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        v = Vectors(builder, zero.bitwidth)
        mask = v.below(v.lane_numbers(v.integer(0)), args[4])
        _gathered(v, args, lambda place: v.masked_load(place, mask))
        return context.get_dummy_value()

    return types.void(zero, source, step, there, types.int64, target), codegen


def _scatter_narrow(
    typingctx: Any, zero: Any, source: Any, target: Any, step: Any, there: Any, width: Any
) -> Any:
    """Do as `scatter` does with fewer columns, though as many vectors are read."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        v = Vectors(builder, zero.bitwidth)
        mask = v.below(v.lane_numbers(v.integer(0)), args[5])
        _scattered(v, args, lambda row, place: v.masked_store(row, place, mask))
        return context.get_dummy_value()

    return types.void(zero, source, target, step, there, types.int64), codegen


gather: Any = intrinsic(_gather)
scatter: Any = intrinsic(_scatter)
gather_narrow: Any = intrinsic(_gather_narrow)
scatter_narrow: Any = intrinsic(_scatter_narrow)
