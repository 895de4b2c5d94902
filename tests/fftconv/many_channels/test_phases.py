"""What passes say in a profile: the phases that they were in, and the operations that they did."""

import re

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from fftconv.geometry import Geometry
from fftconv.machine_code import winograd
from fftconv.methods.overlap_save.many_channels import operations
from fftconv.methods.overlap_save.many_channels.correlation import Correlation
from fftconv.methods.overlap_save.many_channels.cutting import Cut, cut
from fftconv.methods.overlap_save.many_channels.lengths import LENGTHS, Lengths, is_winograd
from fftconv.methods.overlap_save.many_channels.maps import ManyChannelsMaps
from fftconv.methods.overlap_save.weight_spectra import WeightSpectra

CHANNELS, TAPS = 32, 3


def cut_of(size: int, length: int) -> tuple[Geometry, Cut]:
    geometry = Geometry.of((1, CHANNELS, size, size), (CHANNELS, CHANNELS, TAPS, TAPS))
    found = cut(Correlation.forward(geometry), length, 4)
    assert found is not None
    return geometry, found


def said(
    geometry: Geometry, length: int, calls: int = 1, learned: bool = False
) -> list[dict[str, int]]:
    """Return the operations of each phase that forward maps say, call by call."""
    lengths = Lengths(length, length, length, length)
    maps = ManyChannelsMaps(geometry, lengths, torch.float32, WeightSpectra())
    x, w = torch.randn(geometry.input_shape), torch.randn(geometry.weight_shape)
    forward = maps.forward_kept if learned else maps.forward
    forward(x, w, None)
    found = []
    for _ in range(calls):
        with profile(activities=[ProfilerActivity.CPU]) as watched:
            forward(x, w, None)
        counts = dict.fromkeys(("transform", "product", "inverse"), 0)
        for event in watched.events() or []:
            for name, ticks, count in re.findall(r"(\w+)=(\d+)/(\d+)", event.name):
                assert event.name.startswith("phases: ")
                assert int(ticks) > 0
                counts[name] += int(count)
        found.append(counts)
    return found


@pytest.mark.parametrize("length", [6, 8, 16])
@pytest.mark.parametrize("size", [16, 40])
def test_products_are_counted(size: int, length: int) -> None:
    geometry, tiles = cut_of(size, length)
    each = 4 if is_winograd(length) else 6
    products = tiles.first_tile(tiles.all_units) * tiles.bins * CHANNELS * CHANNELS
    first, second = said(geometry, length, calls=2)
    assert first["product"] == each * products
    assert second == first  # what was before is not counted


@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize("length", [6, 8, 16])
def test_transforms_are_counted(length: int, learned: bool) -> None:
    geometry, tiles = cut_of(2 * length, length)
    counts = said(geometry, length, learned=learned)[0]
    number = tiles.first_tile(tiles.all_units)
    # Neighbours in a run share columns; spectra of a weight that is not learned are there already.
    column, rows = operations.there(length, length, length)
    of_filter = operations.there(length, *[TAPS if is_winograd(length) else 4] * 2)
    filters = CHANNELS * CHANNELS * (TAPS * of_filter[0] + of_filter[1]) * learned
    step = tiles.step[1]
    columns = number // tiles.grid[1] * (tiles.grid[1] * step + tiles.runs * (length - step))
    wanted = CHANNELS * (columns * column + number * rows)
    assert counts["transform"] == wanted + filters
    column, rows = operations.back(length, *[-(-step // 4) * 4] * 2)
    assert CHANNELS * number * rows < counts["inverse"]
    assert counts["inverse"] <= CHANNELS * (columns * column + number * rows)


@pytest.mark.parametrize("length", LENGTHS)
def test_what_is_zero_or_nobody_wants_is_not_counted(length: int) -> None:
    few = 3
    for transform in (operations.there, operations.back):
        all_of_it, part = transform(length, length, length), transform(length, few, few)
        assert 0 < part[0] < all_of_it[0]
        assert 0 < part[1] < all_of_it[1]


def test_operations_by_hand() -> None:
    # Two taps at a point and its negative are a product, a sum and a difference; at 0 and infinity
    # they are a tap each. So are the six rows.
    assert operations.there(winograd.LENGTH, 2, 2) == (6, 36)
