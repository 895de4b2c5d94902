"""Tiles are found by looking at a few tilings of a case: nearly the best of all."""

import random
from math import inf

import pytest
import torch

from fftconv.calibration.machine import defaults, known
from fftconv.geometry import Geometry
from fftconv.methods.maps import MAPS
from fftconv.methods.overlap_save.choice import tiled
from fftconv.methods.overlap_save.search import cheapest, every, rounded
from fftconv.methods.overlap_save.tiled import TiledEngine
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
    torch.set_num_threads(threads)
    machine, ratios = defaults(), []
    for geometry in geometries(80):
        engine = tiled(geometry, on_cpu=True)

        def seconds(tiling: Tiling, geometry: Geometry = geometry) -> float:
            rates = machine.float32
            engine = tiled(geometry, on_cpu=True)
            return engine.predict(MAPS, geometry, tiling, machine.fft_call, rates, threads, 4)

        possible = every(geometry, 4, engine.numbers)
        small = [tiling for tiling in possible if not too_large(geometry, tiling, engine.numbers)]
        if small:
            found = cheapest(geometry, 4, engine.numbers, seconds)
            assert found in small
            ratios.append(seconds(found) / min(map(seconds, small)))
    assert len(ratios) > 60
    assert max(ratios) < 1.15, sorted(ratios)[-9:]
    assert sum(ratios) / len(ratios) < 1.01, sorted(ratios)[-9:]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("side", "taps"), [(128, 63), (136, 63), (62, 37), (79, 24)])
def test_nor_is_a_small_image_cut_into_slivers(side: int, taps: int, threads: int) -> None:
    torch.set_num_threads(threads)
    geometry = Geometry.of((1, 1, side, side), (1, 1, taps, taps), padding=taps // 2)
    fft = tiled(geometry, on_cpu=True).cut(geometry, 4, threads).fft
    assert min(fft) >= 1.5 * taps, "most of each transform would be of what the last one had"


@pytest.mark.parametrize("threads", [1, 2])
def test_what_was_found_for_a_larger_image_is_nearly_as_good(threads: int) -> None:
    torch.set_num_threads(threads)
    machine, ratios, alike = known(), [], 0
    for geometry in geometries(80):
        engine = tiled(geometry, on_cpu=True)
        found, own = (way(geometry, 4, threads) for way in (engine.cut, engine.searched))
        if too_large(geometry, own, engine.numbers):
            continue
        assert not too_large(geometry, found, engine.numbers)
        taken = [
            engine.predict(MAPS, geometry, tiling, machine.fft_call, machine.float32, threads, 4)
            for tiling in (found, own)
        ]
        if taken[1] == inf:
            continue  # by transforms that are said to be of no use here
        ratios.append(taken[0] / taken[1])
        alike += found == own
    assert len(ratios) > 60
    assert alike < len(ratios), "of no use if each is searched for"
    assert max(ratios) < 1.2, sorted(ratios)[-9:]
    assert sum(ratios) / len(ratios) < 1.01, sorted(ratios)[-9:]


def test_images_of_nearly_one_size_are_searched_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = []
    search = TiledEngine.searched

    def note(self: TiledEngine, geometry: Geometry, item_bytes: int, threads: int) -> Tiling:
        searched.append(geometry.input_size)
        return search(self, geometry, item_bytes, threads)

    monkeypatch.setattr(TiledEngine, "searched", note)
    for side in range(1217, 1281):  # 32 numbers in a row are of the same 32nd
        geometry = Geometry.of((1, 2, 700, side), (2, 1, 29, 31), groups=2)
        tiled(geometry, on_cpu=True).cut(geometry, 4, 2)
    assert searched == [(704, 1248), (704, 1280)]


@pytest.mark.parametrize("side", [1, 5, 16, 17, 31, 33, 99, 2**20, 2**20 + 1])
def test_a_rounded_image_is_a_32nd_longer_at_most(side: int) -> None:
    geometry = Geometry.of((1, 1, side, 7), (1, 1, 1, 1))
    height, width = rounded(geometry).input_size
    assert width == 7
    assert side <= height <= side * 33 / 32
    assert rounded(rounded(geometry)) == rounded(geometry)


def test_where_all_take_too_much_memory_it_is_the_one_that_takes_least() -> None:
    geometry = geometries(1)[0]
    sizes = {tiling.fft: n for n, tiling in enumerate(every(geometry, 4, lambda *_: 0))}

    def numbers(_: Geometry, tiling: Tiling) -> float:
        return 1e12 + sizes[tiling.fft]

    assert cheapest(geometry, 4, numbers, lambda _: 1.0).fft == next(iter(sizes))
