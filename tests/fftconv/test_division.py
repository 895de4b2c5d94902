"""The work of a division is counted by formulas: as long loops over rows and columns count it."""

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


@pytest.mark.parametrize("lanes", [4, 8, 16])
def test_vectors_of_columns(lanes: int) -> None:
    for shape in shapes():
        wide, left = target().wide, shape.corner[1]
        full, out, width, taps = wide * lanes, shape.out[1], shape.size[1], shape.kernel[1]
        clear = masked = busy = 0.0
        column = tiles = 0
        while column < out:
            todo, start = out - column, column - left
            vectors = wide if todo > 2 * lanes else 2 if todo > lanes else 1
            if todo >= full and start >= 0 and start + full + taps - 1 <= width:
                clear += wide
            else:
                masked += vectors
            busy += {1: 2.0, 2: 3.0}.get(vectors, vectors)
            column += vectors * lanes
            tiles += 1
        assert division._columns(shape, lanes) == (clear, masked, busy, tiles)
