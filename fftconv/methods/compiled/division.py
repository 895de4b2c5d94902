"""How a stack of correlations is cut up for the compiled functions, and what that costs.

Nothing here needs numba: the planner asks for the cost of a case that may never be compiled. It is
one long file since the division is chosen by what it costs, and a call that is followed through the
method should pass through few.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import prod
from typing import TYPE_CHECKING, Literal

from fftconv.machine_code.target import target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fftconv.geometry import Geometry, Pair
    from fftconv.methods.maps import Map

# Figures: time of 15 cases of 40 to 1024 squared, forward and both gradients, against that with the
# constant as it is; two threads, AVX2 (Zen 3), in turns within one process.

#: Multiply-adds below which a second thread costs more than it brings: 6 us of one core at 50 a
#: nanosecond. Half of it takes 2% longer in the mean (20% at most), twice 3% (44%).
SERIAL_MACS = 300_000
#: Pieces per job that are aimed at, so that threads finish together; a constant, so that the
#: order of summation does not depend on the number of threads. A quarter to four times as many: 1%.
PIECES = 16
#: Square filters whose loops are unrolled at compile time, those of most layers; other sizes share
#: one function, and each of these costs a compilation.
UNROLLED = (3, 5)
#: Bytes of one operand that may be worked on between two passes over the other: a band of both
#: operands is to stay in a second-level cache of half a megabyte. A quarter to four times: 0.4%.
BAND_BYTES = 1 << 18

#: Multiply-adds of vectors for which a dot tile of several planes is begun, at least: to begin one
#: and to add its sums up takes as long as some hundred.
TILE_SUMS = 1024
#: Output planes with the same input that a register block has, where there are as many: vectors of
#: the input are loaded for all of them. Blocks of four keep the units busy (four vectors, AVX-512:
#: 144 multiply-adds beside 72 loads for a 3x3 filter, where a plane alone has 108 loads).
PLANES = 4


@dataclass(frozen=True)
class Axes:
    """How an operand is read as a stack: which of its dimensions is which.

    A plane lies at ``group * per_group`` along dimension `group`, and further along `first` and
    `second`; its rows are dimension 2.
    """

    group: int = 0
    per_group: int = 0
    first: int = 0
    second: int = 0

    def steps(self, stride: Sequence[int]) -> tuple[int, int, int, int]:
        """Return the steps of (group, first, second, row) in a tensor of these strides."""
        group = self.per_group * stride[self.group]
        return group, stride[self.first], stride[self.second], stride[2]


@dataclass(frozen=True)
class Shape:
    """One stack of correlations.

    out[g, p, q] is the sum over the terms s of the correlation of a[g, p, s], padded by `corner`
    (top, left), with b[g, q, s]; `flipped` reverses the rows and columns of b. The shapes are those
    of the tensors a, b and out, the axes say where (p, s), (q, s) and (p, q) lie in them.
    """

    bits: int
    groups: int
    ps: int
    qs: int
    terms: int
    size: Pair
    kernel: Pair
    out: Pair
    corner: Pair
    flipped: bool = False
    shapes: tuple[tuple[int, ...], ...] = ()
    axes: tuple[Axes, Axes, Axes] = (Axes(), Axes(), Axes())

    def dense_steps(self) -> list[tuple[int, int, int, int]]:
        """Return the steps of a, b and out where they are dense."""
        return [
            axes.steps((c * h * w, h * w, w, 1))
            for axes, (_, c, h, w) in zip(self.axes, self.shapes, strict=True)
        ]

    @property
    def planes(self) -> int:
        """Number of planes of the output."""
        return self.groups * self.ps * self.qs

    def stacks(self, planes: int) -> int:
        """Return how many tiles of so many planes each lie one behind the other."""
        return self.groups * self.ps * -(-self.qs // planes)

    @property
    def macs(self) -> int:
        """Multiply-adds, padding counted as data."""
        return self.planes * self.terms * prod((*self.out, *self.kernel))


def correlation(name: Map, geometry: Geometry, bits: int) -> Shape:
    """Return the stack of correlations that one map of a case is.

    The forward map correlates x with the weight, the input's gradient g with the weight reversed,
    and the weight's gradient x with g.
    """
    ins, outs = geometry.channels_per_group
    top, _, left, _ = geometry.padding
    height, width = geometry.kernel_size
    x, w, y = geometry.input_shape, geometry.weight_shape, geometry.output_shape
    images = Axes(1, ins, 0, 1), Axes(1, outs, 0, 1)
    if name == "forward":
        return Shape(
            bits=bits, groups=geometry.groups, ps=geometry.batch, qs=outs, terms=ins,
            size=geometry.input_size, kernel=geometry.kernel_size, out=geometry.output_size,
            corner=(top, left), shapes=(x, w, y),
            axes=(images[0], Axes(0, outs, 0, 1), images[1]),
        )  # fmt: skip
    if name == "grad_input":
        return Shape(
            bits=bits, groups=geometry.groups, ps=geometry.batch, qs=ins, terms=outs,
            size=geometry.output_size, kernel=geometry.kernel_size, out=geometry.input_size,
            # Negative where the padding is wider than the filter: those outputs saw zeros only.
            corner=(height - 1 - top, width - 1 - left), flipped=True, shapes=(y, w, x),
            axes=(images[1], Axes(0, outs, 1, 0), images[0]),
        )  # fmt: skip
    return Shape(
        bits=bits, groups=geometry.groups, ps=ins, qs=outs, terms=geometry.batch,
        size=geometry.input_size, kernel=geometry.output_size, out=geometry.kernel_size,
        corner=(top, left), shapes=(x, y, w),
        axes=(Axes(1, ins, 1, 0), Axes(1, outs, 1, 0), Axes(0, outs, 1, 0)),
    )  # fmt: skip


@dataclass(frozen=True)
class Division:
    """Which function works on a shape, and on what pieces.

    ``rows`` and ``columns`` are the outputs of a tile (of a broadcast tile, vectors of columns) and
    ``planes`` how many planes have them, ``size`` the unrolled filter or 0. Pieces are bands of
    ``band`` rows; of a dot job, of ``share`` terms too.
    """

    form: Literal["broadcast", "dot"]
    rows: int
    planes: int
    columns: int
    size: int
    serial: bool
    band: int
    bands: int
    share: int
    shares: int

    @property
    def parts(self) -> int:
        """Sums per output that are left to be added up."""
        return self.bands * self.shares if self.form == "dot" else 1


def divide(shape: Shape) -> Division:
    """Choose between the two forms of tile, the cheaper by count, and cut the work up."""
    serial = shape.macs < SERIAL_MACS
    dot = _dot(shape, serial)
    broadcast = _broadcast(shape, serial)
    tall, wide = work(shape, dot), work(shape, broadcast)
    return dot if tall.estimate < wide.estimate else broadcast


def _cuts(planes: int, serial: bool) -> int:
    """Return how many pieces each of so many planes is to make."""
    return 1 if serial else -(-PIECES // planes)


def _dot(shape: Shape, serial: bool) -> Division:
    def side(size: int, limit: int) -> int:
        sides = range(min(target().dot_side, size, limit), 0, -1)
        return min(sides, key=lambda n: -(-size // n) * (n + 1))

    height, width = shape.size
    # A tile may be one row higher than b.
    rows, columns = side(shape.out[0], shape.kernel[0] + 1), side(shape.out[1], shape.out[1])
    # A register for each sum, for the rows of b, and for a vector of a.
    planes = _planes(shape.qs, (target().registers - 2) // (rows * (columns + 1)))
    cuts = _cuts(shape.stacks(planes), serial)
    share = -(-shape.terms // min(shape.terms, cuts))
    shares = -(-shape.terms // share)
    # Each plane of a meets each of b, so a band of all is to stay in a cache; but sums of bands
    # are to take no more memory than what is summed.
    planes_bytes = (shape.ps + shape.qs - 1) * height * width * shape.bits // 8
    results = shape.ps * shape.qs * prod(shape.out)
    most = -(-(shape.ps + shape.qs) * height * width // results)
    wanted = max(-(-cuts // shares), min(planes_bytes // BAND_BYTES, most))
    a_row = rows * planes * columns * share * -(-width // _lanes(shape))
    least = -(-TILE_SUMS // a_row) if planes > 1 else 1
    band = min(height, max(4, least, -(-height // wanted)))
    return Division(
        form="dot",
        rows=rows,
        planes=planes,
        columns=columns,
        size=0,
        serial=serial,
        band=band,
        bands=-(-height // band),
        share=share,
        shares=shares,
    )


def _broadcast(shape: Shape, serial: bool) -> Division:
    fits = min(shape.out[0], shape.kernel[0] + 1)  # a tile may be one row higher than b
    wide, lanes = target().wide, _lanes(shape)
    planes, columns = _planes(shape.qs, PLANES), wide
    if planes > 1:
        columns = next(n for n in (1, 2, wide) if n == wide or n * lanes >= shape.out[1])
    # Sums fill half of the registers, or three quarters: more rows for fewer planes or columns.
    sums = 3 * target().registers // 4
    rows = max(n for n in (1, 2, 4) if n == 1 or n <= min(fits, sums // (planes * columns)))
    square = shape.kernel[0] == shape.kernel[1] in UNROLLED and (planes > 1 or rows == 4)
    # Unrolled functions read b forwards only: not worth a reversed copy in a short job.
    size = shape.kernel[0] if square and not (shape.flipped and serial) else 0
    blocks = -(-shape.out[0] // rows)
    cuts = _cuts(shape.stacks(planes), serial)
    if shape.qs > planes > 1:
        # The terms come past once for each stack: a band of all of them is to stay in a cache.
        cuts = max(cuts, shape.terms * prod(shape.size) * shape.bits // 8 // BAND_BYTES)
    band = -(-blocks // min(blocks, cuts)) * rows
    return Division(
        form="broadcast",
        rows=rows,
        planes=planes,
        columns=columns,
        size=size,
        serial=serial,
        band=band,
        bands=-(-shape.out[0] // band),
        share=1,
        shares=1,
    )


def _planes(count: int, most: int) -> int:
    """Return how many of so many planes a tile has.

    The last tile computes some of the planes before it again, rather than have fewer; and a tile
    takes about half a plane longer than its planes do.
    """
    can = range(max(1, min(count, most, PLANES)), 0, -1)
    return min(can, key=lambda n: -(-count // n) * (n + 0.5))


def _lanes(shape: Shape) -> int:
    """Return the numbers in a vector."""
    return target().vector_bytes * 8 // shape.bits


@dataclass(frozen=True)
class Work:
    """What a division makes the processor do, in vectors; the features of the cost model.

    Attributes
    ----------
    multiply_add, load, masked
        Vector multiply-adds, loads, and loads through a mask.
    total
        Sums over the lanes of a vector.
    moved
        Vectors of operands and result that come from and go to memory.
    tiles
        Blocks of outputs that are begun: what a block costs however small it is.
    """

    multiply_add: float
    load: float
    masked: float
    total: float
    moved: float
    tiles: float

    @property
    def estimate(self) -> float:
        """Weigh the counts without knowing the machine, roughly, in halves of a cycle.

        Two multiply-adds begin in one; half of a load hides behind them; a masked one takes three
        times as long; a sum over lanes is a chain of ten cycles. It only decides between two forms,
        seconds are predicted from what was measured (`rates`).
        """
        return self.multiply_add + 0.5 * self.load + 1.5 * self.masked + 20 * self.total

    def values(self) -> tuple[float, ...]:
        """Return the counts in order."""
        return tuple(getattr(self, field.name) for field in fields(self))


def work(shape: Shape, division: Division) -> Work:
    """Count the work of a division."""
    lanes = _lanes(shape)
    operands = shape.groups * shape.terms * shape.ps * shape.size[0] * shape.size[1]
    operands += shape.groups * shape.terms * shape.qs * shape.kernel[0] * shape.kernel[1]
    moved = (operands + shape.planes * shape.out[0] * shape.out[1]) / lanes
    height, width = _rows_read(shape), shape.kernel[1]
    stacks = shape.stacks(division.planes)
    if division.form == "dot":
        across = -(-shape.out[0] // division.rows)
        along = -(-shape.out[1] // division.columns)
        tiles = across * along * stacks * shape.terms
        vectors = -(-width // lanes)
        sums = division.rows * division.planes
        outputs = tiles * sums * division.columns
        loads = tiles * (height + division.rows) * (sums + 1.5 * division.columns)
        return Work(
            multiply_add=outputs * height * vectors,
            load=loads * (vectors - 1),
            masked=loads * 1.0,
            total=outputs * (division.bands / shape.terms * division.shares),
            moved=moved,
            tiles=tiles,
        )
    clear, masked, busy, along = _columns(shape, division)
    blocks = stacks * shape.terms * -(-shape.out[0] // division.rows)
    row_loads = blocks * (height + division.rows - 1) * width
    sums = division.rows * division.planes
    splats = blocks * sums * height * width / division.columns
    return Work(
        multiply_add=blocks * sums * height * width * busy,
        load=row_loads * clear + splats * (clear + masked),
        masked=row_loads * masked,
        total=0.0,
        moved=moved,
        tiles=blocks * along,
    )


def _rows_read(shape: Shape) -> float:
    """Return the rows of b that meet the image, the mean over the rows of the output."""
    top, taps = shape.corner[0], shape.kernel[0]

    def pairs(limit: int) -> int:
        """Count the pairs of an output's row and a row of b whose sum is below a limit."""
        below = ((n * (n + 1) // 2 if n > 0 else 0) for n in (limit, limit - taps))
        beyond = (limit - shape.out[0], limit - shape.out[0] - taps)
        above = ((n * (n + 1) // 2 if n > 0 else 0) for n in beyond)
        (all_, wide), (tall, both) = below, above
        return all_ - wide - tall + both

    return (pairs(top + shape.size[0]) - pairs(top)) / shape.out[0]


def _columns(shape: Shape, division: Division) -> tuple[float, float, float, int]:
    """Count the vectors of columns read without and with a mask, those that it feels like, tiles.

    A tile of few vectors, rows and planes has too few accumulators to keep the processor busy.
    """
    wide, left, lanes = division.columns, shape.corner[1], _lanes(shape)
    out_w, width, taps = shape.out[1], shape.size[1], shape.kernel[1]
    full = wide * lanes
    tiles, rest = divmod(out_w, full)
    # The tiles whose columns are all there and see no border.
    last = min(out_w, width + left - taps + 1) - full
    clear = max(0, min(last // full, tiles - 1) + 1 - -(-max(left, 0) // full)) * wide
    masked = tiles * wide - clear

    def felt(vectors: int) -> float:
        # (Tiles of one plane are of four rows, but for the lowest filters.)
        sums = vectors * (4 if division.planes == 1 else division.rows * division.planes)
        return vectors * (1.0 if sums > 8 else 1.5 if sums > 4 else 2.0)

    busy = tiles * felt(wide)
    if rest:  # one more, of as many vectors as it fills if it can have the most
        vectors = -(-rest // lanes) if wide == target().wide else wide
        masked += vectors
        busy += felt(vectors)
        tiles += 1
    return clear, masked, busy, tiles
