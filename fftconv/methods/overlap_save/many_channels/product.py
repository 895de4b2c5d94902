"""One complex matrix product per frequency, as three real ones; of Winograd's values real ones.

With a the left factor and b the right one,

    p = (re a + im a) re b,    re(a conj b) = p + im a (im b - re b),
                               im(a conj b) = p - re a (im b + re b)

Each of the three sums runs over its terms with all of the registers for one block of the product,
so nothing but the products themselves keeps the processor busy. What are not complex numbers, but
pairs of values, are two sums, each of its part.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from fftconv.machine_code.compiling import compile_job
from fftconv.machine_code.rows import add_atomically
from fftconv.machine_code.vectors import I32, REGISTERS, VECTOR_BYTES, Vectors, numbers, take_ticket
from fftconv.methods.overlap_save.many_channels import fields as at
from fftconv.methods.overlap_save.many_channels.pieces import compiled
from fftconv.methods.overlap_save.many_channels.sources import source_hash
from fftconv.methods.overlap_save.many_channels.sums import at_once, in_parts

#: Rows of a block of two vectors, and of one: the sums of the highest, and what they are made of,
#: fit the registers. Each height is compiled for itself.
TALL = (12, 8, 6, 4, 3, 2, 1) if REGISTERS == 32 else (6, 4, 3, 2, 1)
TALLER = (16, 8, 4, 2, 1) if REGISTERS == 32 else (8, 4, 2, 1)


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
        by, given a place. `ahead` is where to ask for memory that is needed later; with
        `below`, a place and a stride, one line is asked for with each term.
        """
        v, builder = self._v, self._v.builder
        place, row_step, term_step = left
        with v.loop(v.integer(0), terms) as n:
            here = builder.add(place, builder.mul(n, term_step))
            other = builder.add(right[0], builder.mul(n, right[1]))
            if ahead is not None:
                for line in range(0, 4 * VECTOR_BYTES, 64):
                    far = builder.add(builder.add(ahead, builder.mul(n, right[1])), v.integer(line))
                    _ask_for(v, far)
            if below is not None:
                _ask_for(v, builder.add(below[0], builder.mul(n, below[1])))
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


def _ask_for(v: Vectors, place: Any) -> None:
    """Bring a line into the second-level cache."""
    pointer = ir.PointerType(ir.IntType(8))
    kind = ir.FunctionType(ir.VoidType(), [pointer, I32, I32, I32])
    function = cgutils.get_or_insert_function(v.builder.module, kind, "llvm.prefetch.p0")
    hints = [ir.Constant(I32, n) for n in (0, 2, 1)]  # to read, second level, data
    v.builder.call(function, [v.builder.inttoptr(place, pointer), *hints])


def _block(
    typingctx: Any, rows: Any, vectors: Any, is_real: Any, zero: Any, adds: Any, terms: Any,
    left: Any, right: Any, out: Any,
) -> Any:  # fmt: skip
    """Multiply rows of the left factor by vectors of the right one.

    Parameters
    ----------
    rows, vectors
        Of the block, constants.
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
        Place, strides of parts and terms, and from here to what comes next.
    out
        Place, strides of parts and rows.
    """
    if not all(isinstance(kind, types.IntegerLiteral) for kind in (rows, vectors, is_real)):
        return None
    n_rows, n_vectors = rows.literal_value, vectors.literal_value

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        v = Vectors(builder, zero.bitwidth)
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
                v.store(
                    builder.fadd(value, builder.select(is_adding, v.load(here), v.zero())), here
                )

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
        strides, right, later = (row_step, term_step), (place, step), builder.add(place, ahead)
        block.start(lambda *_: v.zero())
        if is_real.literal_value:
            # Of rows far apart the next block's are asked for, of terms far apart the next terms.
            of_rows = builder.icmp_signed(">", row_step, term_step)
            far = builder.select(of_rows, row_step, term_step)
            further = builder.mul(builder.select(of_rows, v.integer(n_rows), count), far)
            below = builder.add(reals, further), far
            block.add(count, (reals, *strides), right, v.load, 1, later, below)
            block.finish(write(target))
            block.start(lambda *_: v.zero())
            right = builder.add(place, part), step
            below = builder.add(imaginaries, further), far
            block.add(count, (imaginaries, *strides), right, v.load, 1, None, below)
            block.finish(write(builder.add(target, out_part)))
            return context.get_dummy_value()
        block.add(count, (totals, *strides), right, v.load, 1, later)
        block.finish(write(target))
        block.add(count, (reals, *strides), right, total, -1)
        block.finish(write(builder.add(target, out_part)))
        block.start(lambda i, j: v.load(at_out(target, i, j)))
        block.add(count, (imaginaries, *strides), right, difference, 1)
        block.finish(lambda i, j, value: v.store(value, at_out(target, i, j)))
        return context.get_dummy_value()

    return types.void(rows, vectors, is_real, zero, types.int64, terms, left, right, out), codegen


def _pack(
    typingctx: Any, zero: Any, source: Any, part: Any, target: Any, apart: Any, count: Any
) -> Any:
    """Copy vectors of real and imaginary parts, the sums of both before them."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        v = Vectors(builder, zero.bitwidth)
        _, source, part, target, apart, count = args
        with v.loop(v.integer(0), count) as n:
            shift = builder.mul(n, v.integer(VECTOR_BYTES))
            here, there = builder.add(source, shift), builder.add(target, shift)
            re, im = v.load(here), v.load(builder.add(here, part))
            for value in (builder.fadd(re, im), re, im):
                v.store(value, there)
                there = builder.add(there, apart)
        return context.get_dummy_value()

    return types.void(zero, source, part, target, apart, types.int64), codegen


block: Any = intrinsic(prefer_literal=True)(_block)
pack: Any = intrinsic(_pack)


def _blocks_of(vectors: int, heights: tuple[int, ...], real: int, zero: Any) -> Any:
    """Return what computes a block of one of these heights: one branch for each."""
    high = heights[0]
    if len(heights) == 1:

        def last(rows: int, adds: int, terms: int, left: Any, right: Any, out: Any) -> None:
            block(high, vectors, real, zero, adds, terms, left, right, out)

        return compiled(last)
    lower = _blocks_of(vectors, heights[1:], real, zero)

    def some(rows: int, adds: int, terms: int, left: Any, right: Any, out: Any) -> None:
        if rows == high:
            block(high, vectors, real, zero, adds, terms, left, right, out)
        else:
            lower(rows, adds, terms, left, right, out)

    return compiled(some)


def _height(rows: int, heights: tuple[int, ...]) -> int:
    """Return how high the next block is: about as high as all that follow."""
    blocks = (rows + heights[0] - 1) // heights[0]
    even = (rows + blocks - 1) // blocks
    higher = heights[0]
    for height in heights:
        if height >= even and height <= rows:
            higher = height
        if height <= even:
            return height if rows < heights[0] else higher
    return 1


next_height: Any = compiled(_height)


@cache
def product(bits: int, winograd: bool) -> Any:
    """Return the function that multiplies spectra of 32 or 64 bits, or values, bin by bin.

    The product may take the left factor's place.
    """
    zero, _, lanes = numbers(bits)
    vector = VECTOR_BYTES
    real, summed = int(winograd), in_parts if winograd else at_once
    two, one = (
        summed(_blocks_of(vectors, heights, real, zero), vectors, zero)
        for vectors, heights in ((2, TALL), (1, TALLER))
    )
    tall, taller = TALL, TALLER
    source = source_hash()

    def product_job(job: Any) -> None:
        source  # noqa: B018 - a closure's values are part of the key of numba's cache
        scratch = job[at.P_SCRATCH] + job[at.P_SLOT] * add_atomically(job, at.P_SLOTS, 1)
        tiles, channels = job[at.P_TILES], job[at.P_CHANNELS]
        rows, terms, vectors = job[at.ROWS], job[at.SUMS], job[at.VECTORS]
        row_step, term_step = job[at.LEFT_ROW], job[at.LEFT_TERM]
        apart = tiles * job[at.PACKED_TILE]
        bins, adds = job[at.P_BINS], job[at.P_ADDS]
        spare = (scratch + job[at.P_SPARE], 2 * vector, 4 * vector)
        pieces = bins * job[at.P_GROUPS]
        piece = take_ticket(job)
        while piece < pieces:
            group = piece // bins
            number = piece % bins
            left = job[at.LEFT_PLACE] + group * job[at.LEFT_GROUP] + number * job[at.LEFT_BIN]
            totals, reals, imaginaries = left, left, left + job[at.LEFT_PART]
            if job[at.PACKED_TILE] != 0:
                totals, reals, imaginaries = scratch, scratch + apart, scratch + 2 * apart
                for t in range(tiles):
                    pack(
                        zero, left + t * job[at.LEFT_TILE], job[at.LEFT_PART],
                        scratch + t * job[at.PACKED_TILE], apart, (channels + lanes - 1) // lanes,
                    )  # fmt: skip
            right = job[at.RIGHT_PLACE] + group * job[at.RIGHT_GROUP] + number * job[at.RIGHT_BIN]
            out = job[at.OUT_PLACE] + group * job[at.OUT_GROUP] + number * job[at.OUT_BIN]
            for n in range(0, vectors, 2):
                begin = 0
                while begin < rows:
                    if n + 1 < vectors:
                        high = next_height(rows - begin, tall)
                    else:
                        high = next_height(rows - begin, taller)
                    outs = (
                        out + begin * job[at.OUT_ROW] + n * vector, job[at.OUT_PART],
                        job[at.OUT_ROW],
                    )  # fmt: skip
                    here = begin * row_step
                    lefts = (
                        totals + here, reals + here, imaginaries + here, row_step, term_step,
                    )  # fmt: skip
                    rights = (
                        right + n // 2 * job[at.RIGHT_PAIR], job[at.RIGHT_PART],
                        job[at.RIGHT_TERM], job[at.RIGHT_PAIR],
                    )  # fmt: skip
                    if n + 1 < vectors:
                        two(high, adds, terms, lefts, rights, outs, spare)
                    else:
                        one(high, adds, terms, lefts, rights, outs, spare)
                    begin += high
            piece = take_ticket(job)

    return compile_job(product_job)
