"""The two register tiles of direct cross-correlation, as numba intrinsics.

Both compute a block of ``out[i, j] = sum over s, u, v of a[s, i + u, j + v] * b[s, u, v]``.

* `broadcast_tile` keeps a block of output rows and vectors of columns in registers. Each input
  vector is loaded once and used for every row of the block: the right form where the output is
  wide.
* `dot_tile` keeps a block of outputs, each a vector of partial sums over the columns of ``b``: the
  right form where ``b`` is wide and the output is small, as in the gradient of the weight.

The scheme is that of BLAS micro-kernels (Goto and van de Geijn, "Anatomy of high-performance matrix
multiplication", 2008), carried over to correlation: enough independent accumulators to hide the
latency of a multiply-add, few enough to stay in registers.
"""

from __future__ import annotations

from typing import Any

from numba.core import types
from numba.extending import intrinsic

from .vectors import Vectors

_WIDE = types.int64


def _literal(kind: Any) -> int | None:
    return kind.literal_value if isinstance(kind, types.IntegerLiteral) else None


@intrinsic(prefer_literal=True)
def broadcast_tile(
    typingctx: Any,
    rows: Any,
    vectors: Any,
    masked: Any,
    kh: Any,
    kw: Any,
    zero: Any,
    places: Any,
    shape: Any,
    steps: Any,
) -> Any:
    shape_ = [_literal(k) for k in (rows, vectors, masked, kh, kw)]
    if any(k is None for k in shape_):
        return None
    n_rows, n_vectors, is_masked, static_h, static_w = shape_
    sig = types.void(rows, vectors, masked, kh, kw, zero, places, shape, steps)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        v = Vectors(builder, zero.bitwidth)
        unpack = lambda n, k: [builder.extract_value(args[n], m) for m in range(k)]
        a, b, out = unpack(6, 3)
        terms, kernel_h, kernel_w, row_lo, row_hi, col, width, out_cols = unpack(7, 8)
        a_s, a_h, b_s, b_h, b_w, out_h = unpack(8, 6)
        if static_h and static_w:
            # Dense taps, so that their addresses are constants too.
            kernel_h, kernel_w = v.integer(static_h), v.integer(static_w)
            b_h, b_w = v.integer(static_w), v.integer(1)
        acc = [[v.accumulator() for _ in range(n_vectors)] for _ in range(n_rows)]
        if is_masked:
            numbers = [
                v.lane_numbers(builder.add(col, v.integer(n * v.lanes))) for n in range(n_vectors)
            ]

        def tap(a_row: Any, b_row: Any, u_off: Any, active: Any, dj: Any) -> None:
            xs = []
            for n in range(n_vectors):
                where = v.address(a_row, dj, v.integer(n * v.lanes))
                if is_masked:
                    xs.append(v.masked_load(where, v.below(v.shifted(numbers[n], dj), width)))
                else:
                    xs.append(v.load(where))
            for i in active:
                # row i of the block meets kernel row r - i
                place = v.address(
                    b_row, builder.sub(builder.mul(dj, b_w), builder.mul(v.integer(i), b_h))
                )
                w = v.splat(place)
                for n in range(n_vectors):
                    v.multiply_add(acc[i][n], xs[n], w)

        def row(s: Any, r: Any, active: Any) -> None:
            a_row = v.address(a, builder.mul(s, a_s), builder.mul(r, a_h))
            b_row = v.address(b, builder.mul(s, b_s), builder.mul(r, b_h))
            if static_w:
                for dj in range(static_w):
                    tap(a_row, b_row, None, active, v.integer(dj))
            else:
                with v.loop(v.integer(0), kernel_w) as dj:
                    tap(a_row, b_row, None, active, dj)

        def guarded(s: Any, r: Any, active: Any) -> None:
            inside = builder.and_(
                builder.icmp_signed(">=", r, row_lo), builder.icmp_signed("<", r, row_hi)
            )
            with builder.if_then(inside):
                row(s, r, active)

        with v.loop(v.integer(0), terms) as s:
            if static_h:
                for r in range(static_h + n_rows - 1):
                    active = [i for i in range(n_rows) if 0 <= r - i < static_h]
                    if is_masked:
                        guarded(s, v.integer(r), active)
                    else:
                        row(s, v.integer(r), active)
            else:
                for r in range(n_rows - 1):
                    guarded(s, v.integer(r), range(r + 1))
                first = v.integer(n_rows - 1)
                start = builder.select(builder.icmp_signed(">", row_lo, first), row_lo, first)
                stop = builder.select(builder.icmp_signed("<", row_hi, kernel_h), row_hi, kernel_h)
                with v.loop(start, stop) as r:
                    row(s, r, range(n_rows))
                for i in range(1, n_rows):
                    guarded(s, builder.add(kernel_h, v.integer(i - 1)), range(i, n_rows))
        for i in range(n_rows):
            for n in range(n_vectors):
                where = v.address(out, builder.mul(v.integer(i), out_h), v.integer(n * v.lanes))
                value = builder.load(acc[i][n])
                if is_masked:
                    v.masked_store(
                        value, where, v.below(v.lane_numbers(v.integer(n * v.lanes)), out_cols)
                    )
                else:
                    v.store(value, where)
        return context.get_dummy_value()

    return sig, codegen


@intrinsic(prefer_literal=True)
def dot_tile(
    typingctx: Any, rows: Any, columns: Any, zero: Any, places: Any, shape: Any, steps: Any
) -> Any:
    n_rows, n_columns = _literal(rows), _literal(columns)
    if n_rows is None or n_columns is None:
        return None
    sig = types.void(rows, columns, zero, places, shape, steps)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        v = Vectors(builder, zero.bitwidth)
        unpack = lambda n, k: [builder.extract_value(args[n], m) for m in range(k)]
        a, b, out = unpack(3, 3)
        terms, kernel_h, kernel_w, row_lo, row_hi, col, width, clear_lo, clear_hi = unpack(4, 9)
        a_s, a_h, b_s, b_h, out_h = unpack(5, 5)
        acc = [[v.accumulator() for _ in range(n_columns)] for _ in range(n_rows)]
        lanes = v.integer(v.lanes)

        def products(a_at: Any, b_at: Any, active: Any, load_a: Any, load_b: Any) -> None:
            bs = {i: load_b(v.address(b_at, builder.mul(v.integer(-i), b_h))) for i in active}
            for j in range(n_columns):
                x = load_a(v.address(a_at, v.integer(j)), j)
                for i in active:
                    v.multiply_add(acc[i][j], x, bs[i])

        def row(s: Any, r: Any, active: Any) -> None:
            a_row = v.address(a, builder.mul(s, a_s), builder.mul(r, a_h))
            b_row = v.address(b, builder.mul(s, b_s), builder.mul(r, b_h))
            count = builder.sdiv(builder.add(kernel_w, v.integer(v.lanes - 1)), lanes)
            with v.loop(v.integer(0), count) as n:
                start = builder.mul(n, lanes)
                a_at, b_at = v.address(a_row, start), v.address(b_row, start)
                clear = builder.and_(
                    builder.icmp_signed(">=", start, clear_lo),
                    builder.icmp_signed("<", start, clear_hi),
                )
                with builder.if_else(clear, likely=True) as (then, otherwise):
                    with then:
                        products(a_at, b_at, active, lambda p, j: v.load(p), v.load)
                    with otherwise:
                        in_b = v.below(v.lane_numbers(start), kernel_w)
                        columns_ = v.lane_numbers(builder.add(col, start))

                        def load_a(p: Any, j: int) -> Any:
                            mask = v.below(v.shifted(columns_, v.integer(j)), width)
                            return v.masked_load(p, builder.and_(mask, in_b))

                        products(a_at, b_at, active, load_a, lambda p: v.masked_load(p, in_b))

        def guarded(s: Any, r: Any, active: Any) -> None:
            inside = builder.and_(
                builder.icmp_signed(">=", r, row_lo), builder.icmp_signed("<", r, row_hi)
            )
            with builder.if_then(inside):
                row(s, r, active)

        with v.loop(v.integer(0), terms) as s:
            for r in range(n_rows - 1):
                guarded(s, v.integer(r), range(r + 1))
            first = v.integer(n_rows - 1)
            start = builder.select(builder.icmp_signed(">", row_lo, first), row_lo, first)
            stop = builder.select(builder.icmp_signed("<", row_hi, kernel_h), row_hi, kernel_h)
            with v.loop(start, stop) as r:
                row(s, r, range(n_rows))
            for i in range(1, n_rows):
                guarded(s, builder.add(kernel_h, v.integer(i - 1)), range(i, n_rows))
        for i in range(n_rows):
            for j in range(n_columns):
                where = v.address(out, builder.mul(v.integer(i), out_h), v.integer(j))
                v.store_scalar(v.total(builder.load(acc[i][j])), where)
        return context.get_dummy_value()

    return sig, codegen
