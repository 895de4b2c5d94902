"""The work of a division is counted by formulas: as long loops over rows and columns count it."""

import dataclasses
import random
from collections.abc import Iterator

import pytest

from fftconv.geometry import Geometry
from fftconv.machine_code.target import target
from fftconv.methods.compiled import division
from fftconv.methods.compiled.division import Shape
from fftconv.methods.maps import MAPS


def shapes() -> Iterator[Shape]:
    draw = random.Random(0)
    for _ in range(60):
        kernel = draw.choice((1, 2, 5, 17)), draw.choice((1, 2, 5, 17))
        padding = draw.randrange(9), draw.randrange(40)
        size = [
            max(1, taps - 2 * beyond) + draw.choice((0, 5, 60, 700))
            for taps, beyond in zip(kernel, padding, strict=True)
        ]
        geometry = Geometry.of((1, 1, *size), (1, 1, *kernel), padding=padding)
        yield from (division.correlation(name, geometry, 32) for name in MAPS)


def test_rows_read() -> None:
    for shape in shapes():
        top, taps = shape.corner[0], shape.kernel[0]
        met = sum(
            max(0, min(taps, shape.size[0] + top - row) - max(0, top - row))
            for row in range(shape.out[0])
        )
        assert division._rows_read(shape) == pytest.approx(met / shape.out[0])


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("qs", [1, 3, 4, 10])
def test_vectors_of_columns(qs: int, bits: int) -> None:
    lanes = target().vector_bytes * 8 // bits
    for shape in shapes():
        shape = dataclasses.replace(shape, qs=qs, bits=bits)
        cut = division._broadcast(shape, serial=False)
        wide, left = cut.columns, shape.corner[1]
        full, out, width, taps = wide * lanes, shape.out[1], shape.size[1], shape.kernel[1]
        clear = masked = busy = 0.0
        column = tiles = 0
        while column < out:
            todo, start = out - column, column - left
            vectors = wide if todo >= full or wide < target().wide else -(-todo // lanes)
            if todo >= full and start >= 0 and start + full + taps - 1 <= width:
                clear += wide
            else:
                masked += vectors
            sums = vectors * (4 if qs == 1 else cut.rows * cut.planes)
            busy += vectors * (2.0 if sums <= 4 else 1.5 if sums <= 8 else 1.0)
            column += full
            tiles += 1
        assert division._columns(shape, cut) == (clear, masked, busy, tiles)


def test_tiles_fill_the_registers_whatever_the_width() -> None:
    """Of four planes: rows take the place of columns that the output does not have."""
    for width in (5, 20, 40, 100):
        geometry = Geometry.of((1, 3, 9, width), (8, 3, 3, 3), padding=1)
        cut = division._broadcast(division.correlation("forward", geometry, 32), serial=False)
        assert cut.planes == 4
        assert cut.rows * cut.columns == target().wide
        assert cut.columns == target().wide or cut.columns * target().vector_bytes // 4 >= width


@pytest.mark.parametrize(
    ("count", "planes"), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 3), (7, 4), (10, 2), (64, 4)]
)
def test_planes_of_a_tile_leave_few_over(count: int, planes: int) -> None:
    assert division._planes(count, 9) == planes
    assert division._planes(count, 1) == 1


@pytest.mark.parametrize("taps", [1, 2, 3, 5])
def test_tiles_of_a_weights_gradient_stay_in_registers(taps: int) -> None:
    geometry = Geometry.of((2, 8, 40, 40), (8, 8, taps, taps))
    cut = division._dot(division.correlation("grad_weight", geometry, 32), serial=False)
    sums = cut.rows * cut.planes * cut.columns
    assert sums + cut.rows * cut.planes + 1 <= target().registers
    assert cut.planes > 1 or taps > 2


def test_bands_of_many_planes_stay_in_a_cache_and_their_sums_are_few() -> None:
    """Each plane of the input meets each of the output's gradient."""
    for channels, size, taps in ((16, 256, 1), (32, 64, 3), (64, 20, 9), (1, 1024, 3)):
        geometry = Geometry.of(
            (1, channels, size, size), (channels, channels, taps, taps), padding=taps // 2
        )
        shape = division.correlation("grad_weight", geometry, 32)
        cut = division._dot(shape, serial=False)
        band = (2 * channels - 1) * cut.band * size * 4
        operands = 2 * channels * size * size
        sums = cut.parts * channels**2 * taps**2
        assert band <= 2 * division.BAND_BYTES or sums >= operands // 2
        assert sums <= 2 * operands + division.PIECES * channels**2 * taps**2
