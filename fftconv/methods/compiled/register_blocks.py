"""The two register tiles of direct cross-correlation, as numba intrinsics.

Both compute a block of ``out[i, j] = sum over s, u, v of a[s, i + u, j + v] * b[s, u, v]``.

* `broadcast_tile` keeps a block of output rows and vectors of columns in registers, of one output
  plane or of several with the same input. Each input vector is loaded once and used for every row
  and plane of the block: the right form where the output is wide.
* `dot_tile` keeps a block of outputs, each a vector of partial sums over the columns of ``b``: the
  right form where ``b`` is wide and the output is small, as in the gradient of the weight. It has
  as many planes as there are registers for.

The scheme is that of BLAS micro-kernels (Goto and van de Geijn, "Anatomy of high-performance matrix
multiplication", 2008), carried over to correlation: enough independent accumulators to hide the
latency of a multiply-add, few enough to stay in registers.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

from numba.core import types
from numba.extending import intrinsic

from fftconv.machine_code.vectors import REGISTERS, Vectors

#: Vectors of columns in a full broadcast tile; with 4 rows or planes they fill half of the
#: registers.
WIDE = 4 if REGISTERS == 32 else 2


class Steps:
    """The block of output rows that a tile keeps, and which of them each input row meets.

    Input row r of the block, counted from the first row that the first output row reads, meets
    output row i in row ``r - i`` of b. Below ``rows - 1`` and from the height of b on, only some
    output rows take part; in between all do. Rows outside ``[low, high)`` are not read.
    """

    def __init__(self, v: Vectors, rows: int, height: Any, low: Any, high: Any) -> None:
        self._v, self._rows, self._height, self._low, self._high = v, rows, height, low, high

    def each(self, emit: Callable[[Any, range], None]) -> None:
        """Emit ``emit(r, output rows)`` for every input row; b is at least ``rows - 1`` high."""
        v, builder = self._v, self._v.builder
        for r in range(self._rows - 1):
            self.guarded(v.integer(r), range(r + 1), emit)
        first = v.integer(self._rows - 1)
        start = builder.select(builder.icmp_signed(">", self._low, first), self._low, first)
        below = builder.icmp_signed("<", self._high, self._height)
        stop = builder.select(below, self._high, self._height)
        with v.loop(start, stop) as r:
            emit(r, range(self._rows))
        for i in range(1, self._rows):
            row = builder.add(self._height, v.integer(i - 1))
            self.guarded(row, range(i, self._rows), emit)

    def unrolled(self, height: int, guard: bool, emit: Callable[[Any, range], None]) -> None:
        """Emit the same for a known height, row after row."""
        for r in range(height + self._rows - 1):
            active = range(max(0, r - height + 1), min(self._rows, r + 1))
            if guard:
                self.guarded(self._v.integer(r), active, emit)
            else:
                emit(self._v.integer(r), active)

    def guarded(self, r: Any, active: range, emit: Callable[[Any, range], None]) -> None:
        """Emit one row, skipped at run time where it is outside the image."""
        builder = self._v.builder
        inside = builder.and_(
            builder.icmp_signed(">=", r, self._low), builder.icmp_signed("<", r, self._high)
        )
        with builder.if_then(inside):
            emit(r, active)


def _sums(v: Vectors, planes: int, rows: int, count: int) -> dict[tuple[int, int], list[Any]]:
    """Reserve so many sums for each row of each plane."""
    return {
        at: [v.accumulator() for _ in range(count)] for at in product(range(planes), range(rows))
    }


class Broadcast:
    """Emits a broadcast tile; see `broadcast_tile` for the parameters."""

    def __init__(
        self, v: Vectors, rows: int, planes: int, vectors: int, masked: bool, size: int
    ) -> None:
        self._v, self._rows, self._planes, self._vectors = v, rows, planes, vectors
        self._masked, self._size = masked, size
        self._sums = _sums(v, planes, rows, vectors)

    def emit(self, places: list[Any], shape: list[Any], steps: list[Any]) -> None:
        """Emit the whole tile."""
        v, builder = self._v, self._v.builder
        (a, b, out, start), (a_s, a_h, b_s, b_h, b_w, out_h, *of_planes) = places, steps
        self._b_q, out_q, start_q = of_planes
        terms, height, width, low, high, self._column, self._limit, out_columns = shape
        if self._size:
            # Dense taps of a known number, so that their addresses are constants too.
            height = width = b_h = v.integer(self._size)
            b_w = v.integer(1)
        if self._masked:
            self._numbers = [
                v.lane_numbers(builder.add(self._column, v.integer(n * v.lanes)))
                for n in range(self._vectors)
            ]
        rows = Steps(v, self._rows, height, low, high)
        with v.loop(v.integer(0), terms) as s:

            def row(r: Any, active: range) -> None:
                a_row = v.address(a, builder.mul(s, a_s), builder.mul(r, a_h))
                b_row = v.address(b, builder.mul(s, b_s), builder.mul(r, b_h))
                if self._size:
                    for tap in range(self._size):
                        self._tap(a_row, b_row, v.integer(tap), active, b_h, b_w)
                else:
                    with v.loop(v.integer(0), width) as tap:
                        self._tap(a_row, b_row, tap, active, b_h, b_w)

            if self._size:
                rows.unrolled(self._size, self._masked, row)
            else:
                rows.each(row)
        for q in range(self._planes):
            number = v.splat(v.address(start, builder.mul(v.integer(q), start_q)))
            plane = v.address(out, builder.mul(v.integer(q), out_q))
            self._store(q, plane, out_h, out_columns, number)

    def _tap(self, a_row: Any, b_row: Any, tap: Any, active: range, b_h: Any, b_w: Any) -> None:
        """Multiply the vectors at one tap of a row by the tap's number for each row and plane."""
        v, builder = self._v, self._v.builder
        inputs = []
        for n in range(self._vectors):
            place = v.address(a_row, tap, v.integer(n * v.lanes))
            if self._masked:
                mask = v.below(v.shifted(self._numbers[n], tap), self._limit)
                inputs.append(v.masked_load(place, mask))
            else:
                inputs.append(v.load(place))
        for q, i in product(range(self._planes), active):
            offset = builder.sub(builder.mul(tap, b_w), builder.mul(v.integer(i), b_h))
            offset = builder.add(offset, builder.mul(v.integer(q), self._b_q))
            number = v.splat(v.address(b_row, offset))
            for n in range(self._vectors):
                v.multiply_add(self._sums[q, i][n], inputs[n], number)

    def _store(self, q: int, out: Any, out_h: Any, out_columns: Any, start: Any) -> None:
        v, builder = self._v, self._v.builder
        for i in range(self._rows):
            for n in range(self._vectors):
                first = v.integer(n * v.lanes)
                place = v.address(out, builder.mul(v.integer(i), out_h), first)
                value = builder.fadd(builder.load(self._sums[q, i][n]), start)
                if self._masked:
                    v.masked_store(value, place, v.below(v.lane_numbers(first), out_columns))
                else:
                    v.store(value, place)


class Dot:
    """Emits a dot tile; see `dot_tile` for the parameters."""

    def __init__(self, v: Vectors, rows: int, planes: int, columns: int) -> None:
        self._v, self._rows, self._planes, self._columns = v, rows, planes, columns
        self._sums = _sums(v, planes, rows, columns)

    def emit(self, places: list[Any], shape: list[Any], steps: list[Any]) -> None:
        """Emit the whole tile."""
        v, builder = self._v, self._v.builder
        (a, b, out, start), (a_s, a_h, b_s, self._b_h, out_h, *of_planes) = places, steps
        self._b_q, out_q, start_q = of_planes
        terms, height, self._width, low, high, self._column, self._limit, *clear = shape
        rows = Steps(v, self._rows, height, low, high)
        vectors = builder.sdiv(builder.add(self._width, v.integer(v.lanes - 1)), v.integer(v.lanes))
        with v.loop(v.integer(0), terms) as s:

            def row(r: Any, active: range) -> None:
                a_row = v.address(a, builder.mul(s, a_s), builder.mul(r, a_h))
                b_row = v.address(b, builder.mul(s, b_s), builder.mul(r, self._b_h))
                with v.loop(v.integer(0), vectors) as n:
                    start = builder.mul(n, v.integer(v.lanes))
                    places = v.address(a_row, start), v.address(b_row, start)
                    self._vector(start, places, active, clear)

            rows.each(row)
        for (q, i), sums in self._sums.items():
            plane = v.integer(q)
            number = v.scalar(v.address(start, builder.mul(plane, start_q)))
            line = v.address(out, builder.mul(plane, out_q), builder.mul(v.integer(i), out_h))
            for j, slot in enumerate(sums):
                total = v.total(builder.load(slot))
                v.store_scalar(builder.fadd(total, number), v.address(line, v.integer(j)))

    def _vector(self, start: Any, places: tuple[Any, Any], active: range, clear: list[Any]) -> None:
        """Multiply one vector of b by the input at every shift; masked near the borders."""
        v, builder = self._v, self._v.builder
        is_clear = builder.and_(
            builder.icmp_signed(">=", start, clear[0]), builder.icmp_signed("<", start, clear[1])
        )
        with builder.if_else(is_clear, likely=True) as (then, otherwise):
            with then:
                self._products(places, active, lambda place, _: v.load(place), v.load)
            with otherwise:
                in_b = v.below(v.lane_numbers(start), self._width)
                columns = v.lane_numbers(builder.add(self._column, start))

                def load_a(place: Any, shift: int) -> Any:
                    mask = v.below(v.shifted(columns, v.integer(shift)), self._limit)
                    return v.masked_load(place, builder.and_(mask, in_b))

                self._products(places, active, load_a, lambda place: v.masked_load(place, in_b))

    def _products(
        self,
        places: tuple[Any, Any],
        active: range,
        load_a: Callable[[Any, int], Any],
        load_b: Callable[[Any], Any],
    ) -> None:
        v, builder = self._v, self._v.builder
        rows = {}
        for q, i in product(range(self._planes), active):
            row = builder.mul(v.integer(-i), self._b_h)
            rows[q, i] = load_b(v.address(places[1], row, builder.mul(v.integer(q), self._b_q)))
        for j in range(self._columns):
            vector = load_a(v.address(places[0], v.integer(j)), j)
            for at, row in rows.items():
                v.multiply_add(self._sums[at][j], vector, row)


def _broadcast_tile(
    typingctx: Any,
    rows: Any,
    planes: Any,
    vectors: Any,
    masked: Any,
    size: Any,
    zero: Any,
    places: Any,
    shape: Any,
    steps: Any,
) -> Any:
    """Compute ``rows`` x ``vectors`` of planes of the output, each vector in a register.

    Parameters
    ----------
    rows, planes, vectors
        Of the block, constants; b is at least ``rows - 1`` high.
    masked
        Constant: 1 to read zeros beside the image and write no column beyond the output, with no
        more vectors than these columns fill; 0 where neither can happen. Without masks an unrolled
        tile reads every row, too.
    size
        Constant: the side of a square, dense b whose loops are unrolled, 0 for any b.
    zero
        A number of the element type.
    places
        Addresses of a (of what the block's first output reads first), b, out, and a number that is
        added to every output of the first plane.
    shape
        Terms, height and width of b, first and last + 1 input row to read, column of a in the
        image, width of the image, columns of the output from here on.
    steps
        In elements: term and row of a; term, row and column of b; row of out; from one plane to the
        next in b, in out, and among the numbers that are added.
    """
    constants = [_literal(kind) for kind in (rows, planes, vectors, masked, size)]
    if any(constant is None for constant in constants):
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        v = Vectors(builder, zero.bitwidth)
        n_rows, n_planes, n_vectors, is_masked, side = constants
        where, size_of, strides = (
            _unpacked(builder, args[n], signature.args[n]) for n in (6, 7, 8)
        )

        def emit(vectors: int) -> None:
            tile = Broadcast(v, n_rows, n_planes, vectors, bool(is_masked), side)
            tile.emit(where, size_of, strides)

        def narrowest(widths: tuple[int, ...]) -> None:
            first, *others = widths
            if not others:
                emit(first)
                return
            fits = builder.icmp_signed("<=", size_of[-1], v.integer(first * v.lanes))
            with builder.if_else(fits) as (then, otherwise):
                with then:
                    emit(first)
                with otherwise:
                    narrowest(tuple(others))

        # Outputs that are narrower than the widest tile get one that has rows instead.
        narrowest((1, 2, 3, 4)[:n_vectors] if is_masked and n_vectors == WIDE else (n_vectors,))
        return context.get_dummy_value()

    return types.void(rows, planes, vectors, masked, size, zero, places, shape, steps), codegen


def _dot_tile(
    typingctx: Any,
    rows: Any,
    planes: Any,
    columns: Any,
    zero: Any,
    places: Any,
    shape: Any,
    steps: Any,
) -> Any:
    """Compute ``rows`` x ``columns`` of planes of the output, each a vector of sums until the end.

    Parameters
    ----------
    rows, planes, columns
        Of the block, constants; b is at least ``rows - 1`` high.
    zero
        A number of the element type.
    places
        Addresses of a (of what the block's first output reads first), b, out, and a number that is
        added to every output of the first plane.
    shape
        Terms, height and width of b, first and last + 1 input row to read, column of a in the
        image, width of the image, and the columns of b, whole vectors, that need no mask.
    steps
        In elements: term and row of a, of b; row of out; from one plane to the next in b, in out,
        and among the numbers that are added.
    """
    constants = [_literal(kind) for kind in (rows, planes, columns)]
    if any(constant is None for constant in constants):
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        tile = Dot(Vectors(builder, zero.bitwidth), *constants)
        tile.emit(*(_unpacked(builder, args[n], signature.args[n]) for n in (4, 5, 6)))
        return context.get_dummy_value()

    return types.void(rows, planes, columns, zero, places, shape, steps), codegen


def _literal(kind: Any) -> Any:
    return kind.literal_value if isinstance(kind, types.IntegerLiteral) else None


def _unpacked(builder: Any, value: Any, kind: Any) -> list[Any]:
    return [builder.extract_value(value, n) for n in range(len(kind))]


broadcast_tile: Any = intrinsic(prefer_literal=True)(_broadcast_tile)
dot_tile: Any = intrinsic(prefer_literal=True)(_dot_tile)
