"""Blocks of a product of matrices, whose sums are in registers, as numba intrinsics."""

from __future__ import annotations

from typing import Any

from numba.core import cgutils, types
from numba.extending import intrinsic

from fftconv.machine_code.vectors import REGISTERS, VECTOR_BYTES, Vectors, emit_prefetch

#: Rows of a block of two vectors, and of one: the sums of the highest, and what they are made of,
#: fit the registers. Each height has code of its own.
TALL = (12, 8, 6, 4, 3, 2, 1) if REGISTERS == 32 else (6, 4, 3, 2, 1)
TALLER = (16, 8, 4, 2, 1) if REGISTERS == 32 else (8, 4, 2, 1)


#: The cache that is to have what is asked for, as LLVM numbers how near it is.
_SECOND_LEVEL = 2


class Block:
    """Rows by vectors of a product, summed in registers."""

    def __init__(self, v: Vectors, rows: int, vectors: int) -> None:
        self._v, self._rows, self._vectors = v, rows, vectors
        self._sums = [
            [cgutils.alloca_once(v.builder, v.vector) for _ in range(vectors)] for _ in range(rows)
        ]

    def start(self, load: Any) -> None:
        """Set the sums to what `load` returns for a row and a vector."""
        for i, row in enumerate(self._sums):
            for j, total in enumerate(row):
                self._v.builder.store(load(i, j), total)

    def finish(self, store: Any) -> None:
        """Call `store` with each row, vector and sum."""
        for i, row in enumerate(self._sums):
            for j, total in enumerate(row):
                store(i, j, self._v.builder.load(total))

    def add(
        self, terms: Any, left: tuple[Any, Any, Any], right: tuple[Any, Any], combine: Any,
        sign: int, ahead: Any = None, below: tuple[Any, Any] | None = None,
    ) -> None:  # fmt: skip
        """Add products over all terms.

        `left` is the place of the first number, and the strides of rows and of terms; `right` the
        place of the first vector and the stride of terms; `combine` returns a vector to multiply
        by, given a place. `ahead` is from there to memory that is needed later, which is asked for
        unless it is 0; with `below`, a place and a stride, one line is asked for with each term.
        """
        v, builder = self._v, self._v.builder
        place, row_step, term_step = left
        with v.loop(v.integer(0), terms) as n:
            here = builder.add(place, builder.mul(n, term_step))
            other = builder.add(right[0], builder.mul(n, right[1]))
            if ahead is not None:
                # A branch that is always foreseen takes none of the ports that loads need.
                with builder.if_then(builder.icmp_signed("!=", ahead, v.integer(0))):
                    for line in range(0, 4 * VECTOR_BYTES, 64):
                        far = builder.add(builder.add(other, ahead), v.integer(line))
                        emit_prefetch(builder, far, _SECOND_LEVEL)
            if below is not None:
                emit_prefetch(
                    builder, builder.add(below[0], builder.mul(n, below[1])), _SECOND_LEVEL
                )
            vectors = [
                combine(builder.add(other, v.integer(j * VECTOR_BYTES)))
                for j in range(self._vectors)
            ]
            if sign < 0:
                vectors = [builder.fneg(vector) for vector in vectors]
            for i, row in enumerate(self._sums):
                number = v.splat(builder.add(here, builder.mul(row_step, v.integer(i))))
                for total, vector in zip(row, vectors, strict=True):
                    v.multiply_add(total, number, vector)


def _block(
    typingctx: Any, rows: Any, vectors: Any, is_real: Any, zero: Any, adds: Any, terms: Any,
    left: Any, right: Any, out: Any,
) -> Any:  # fmt: skip
    """Multiply rows of the left factor by vectors of the right one.

    Parameters
    ----------
    rows
        Of the block, one of `TALL` or `TALLER`.
    vectors
        Two or one, a constant.
    is_real
        1, a constant, for pairs of real numbers; 0 for complex ones.
    zero
        A number of the element type.
    adds
        1 to add to what is there, 0 to write.
    terms
        How many products are summed.
    left
        Place of the sums of real and imaginary parts, of the real, of the imaginary ones; strides
        of rows and terms.
    right
        Place, strides of parts and terms, and from here to what comes next and is to be asked for
        (0 for nothing).
    out
        Place, strides of parts and rows.
    """
    if not all(isinstance(kind, types.IntegerLiteral) for kind in (vectors, is_real)):
        return None
    n_vectors = vectors.literal_value
    real = bool(is_real.literal_value)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        v = Vectors(builder, zero.bitwidth)
        # One branch for each height, in one function: as functions that call the next lower one
        # they took three times as long to compile, since each was compiled again in all higher.
        after = builder.append_basic_block("after")
        choice = builder.switch(args[0], after)
        for n_rows in TALL if n_vectors == 2 else TALLER:
            branch = builder.append_basic_block(f"rows.{n_rows}")
            choice.add_case(v.integer(n_rows), branch)
            builder.position_at_end(branch)
            _emit(v, n_rows, n_vectors, real, args)
            builder.branch(after)
        builder.position_at_end(after)
        return context.get_dummy_value()

    kinds = types.int64, vectors, is_real, zero, types.int64, terms, left, right, out
    return types.void(*kinds), codegen


def _emit(v: Vectors, n_rows: int, n_vectors: int, is_real: bool, args: Any) -> None:
    """Write the code of a block of so many rows and vectors."""
    builder = v.builder
    count = args[5]
    is_adding = builder.icmp_signed("!=", args[4], v.integer(0))
    totals, reals, imaginaries, row_step, term_step = (
        builder.extract_value(args[6], n) for n in range(5)
    )
    place, part, step, ahead = (builder.extract_value(args[7], n) for n in range(4))
    target, out_part, out_row = (builder.extract_value(args[8], n) for n in range(3))

    def at_out(base: Any, i: int, j: int) -> Any:
        line = builder.add(base, builder.mul(out_row, v.integer(i)))
        return builder.add(line, v.integer(j * VECTOR_BYTES))

    def write(base: Any) -> Any:
        def store(i: int, j: int, value: Any) -> None:
            here = at_out(base, i, j)
            v.store(builder.fadd(value, builder.select(is_adding, v.load(here), v.zero())), here)

        return store

    def both(place: Any) -> tuple[Any, Any]:
        return v.load(place), v.load(builder.add(place, part))

    def total(place: Any) -> Any:
        re, im = both(place)
        return builder.fadd(re, im)

    def difference(place: Any) -> Any:
        re, im = both(place)
        return builder.fsub(im, re)

    block = Block(v, n_rows, n_vectors)
    strides, right = (row_step, term_step), (place, step)
    block.start(lambda *_: v.zero())
    if is_real:
        # Of rows far apart the next block's are asked for, of terms far apart the next terms.
        of_rows = builder.icmp_signed(">", row_step, term_step)
        far = builder.select(of_rows, row_step, term_step)
        further = builder.mul(builder.select(of_rows, v.integer(n_rows), count), far)
        below = builder.add(reals, further), far
        block.add(count, (reals, *strides), right, v.load, 1, ahead, below)
        block.finish(write(target))
        block.start(lambda *_: v.zero())
        right = builder.add(place, part), step
        below = builder.add(imaginaries, further), far
        block.add(count, (imaginaries, *strides), right, v.load, 1, None, below)
        block.finish(write(builder.add(target, out_part)))
        return
    block.add(count, (totals, *strides), right, v.load, 1, ahead)
    block.finish(write(target))
    block.add(count, (reals, *strides), right, total, -1)
    block.finish(write(builder.add(target, out_part)))
    block.start(lambda i, j: v.load(at_out(target, i, j)))
    block.add(count, (imaginaries, *strides), right, difference, 1)
    block.finish(lambda i, j, value: v.store(value, at_out(target, i, j)))


def _pack(
    typingctx: Any, is_real: Any, zero: Any, source: Any, part: Any, target: Any, apart: Any,
    count: Any,
) -> Any:  # fmt: skip
    """Copy vectors of real and imaginary parts, or of real numbers; sums of the former first."""
    if not isinstance(is_real, types.IntegerLiteral):
        return None
    real = bool(is_real.literal_value)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        v = Vectors(builder, zero.bitwidth)
        _, _, source, part, target, apart, count = args
        with v.loop(v.integer(0), count) as n:
            shift = builder.mul(n, v.integer(VECTOR_BYTES))
            here, there = builder.add(source, shift), builder.add(target, shift)
            re, im = v.load(here), v.load(builder.add(here, part))
            for value in (re, im) if real else (builder.fadd(re, im), re, im):
                v.store(value, there)
                there = builder.add(there, apart)
        return context.get_dummy_value()

    return types.void(is_real, zero, source, part, target, apart, types.int64), codegen


block: Any = intrinsic(prefer_literal=True)(_block)
pack: Any = intrinsic(prefer_literal=True)(_pack)
