"""Tiles are found by looking at a few tilings of a case: nearly the best of all."""

import random

import pytest

from fftconv.calibration.machine import defaults
from fftconv.geometry import Geometry
from fftconv.methods.maps import MAPS
from fftconv.methods.overlap_save.choice import tiled
from fftconv.methods.overlap_save.search import cheapest, every
from fftconv.methods.overlap_save.tiling import Tiling, too_large


def geometries(number: int) -> list[Geometry]:
    draw = random.Random(1)
    found = []
    for _ in range(number):
        kernel = [draw.choice((1, 2, 5, 17, 64)) for _ in range(2)]
        size = [taps + draw.choice((0, 5, 60, 700, 3000)) for taps in kernel]
        channels = draw.choice((1, 3, 12))
        groups = draw.choice((1, channels))
        weight = (channels, channels // groups, *kernel)
        shape = (draw.choice((1, 4)), channels, *size)
        found.append(Geometry.of(shape, weight, padding=draw.randrange(9), groups=groups))
    return found


@pytest.mark.parametrize("threads", [1, 2])
def test_it_is_nearly_as_good_as_trying_every_tiling(threads: int) -> None:
    machine, ratios = defaults(), []
    for geometry in geometries(80):
        engine = tiled(geometry, on_cpu=True)

        def seconds(tiling: Tiling, geometry: Geometry = geometry) -> float:
            rates = machine.float32
            engine = tiled(geometry, on_cpu=True)
            return engine.predict(MAPS, geometry, tiling, machine.fft_call, rates, threads)

        possible = every(geometry, 4, engine.numbers)
        small = [tiling for tiling in possible if not too_large(geometry, tiling, engine.numbers)]
        if small:
            found = cheapest(geometry, 4, engine.numbers, seconds)
            assert found in small
            ratios.append(seconds(found) / min(map(seconds, small)))
    assert len(ratios) > 60
    assert max(ratios) < 1.15, sorted(ratios)[-9:]
    assert sum(ratios) / len(ratios) < 1.01, sorted(ratios)[-9:]


def test_where_all_take_too_much_memory_it_is_the_one_that_takes_least() -> None:
    geometry = geometries(1)[0]
    sizes = {tiling.fft: n for n, tiling in enumerate(every(geometry, 4, lambda *_: 0))}

    def numbers(_: Geometry, tiling: Tiling) -> float:
        return 1e12 + sizes[tiling.fft]

    assert cheapest(geometry, 4, numbers, lambda _: 1.0).fft == next(iter(sizes))
