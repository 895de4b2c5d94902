"""Weights' gradients that each thread sums for itself."""

import pytest
import torch

from fftconv.geometry import Geometry
from fftconv.methods.overlap_save.many_channels import cutting
from fftconv.methods.overlap_save.many_channels.sums_apart import FilterGradientApart

from .conftest import LENGTH, WINOGRAD, check, maps_of

SIZES = [(8, 8, 1), (19, 40, 1), (20, 9, 2)]


@pytest.fixture(autouse=True)
def two_threads() -> None:
    torch.set_num_threads(2)


def images(ins: int, outs: int, groups: int, side: int = 60) -> Geometry:
    return Geometry.of((3, ins * groups, side, side + 7), (outs * groups, ins, 3, 3), padding=1,
                       groups=groups)  # fmt: skip


@pytest.mark.parametrize("length", [LENGTH, WINOGRAD])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("ins", "outs", "groups"), SIZES)
def test_they_are_right_and_come_again(
    ins: int, outs: int, groups: int, dtype: torch.dtype, length: int
) -> None:
    geometry = images(ins, outs, groups)
    maps = maps_of(geometry, dtype, length)
    assert isinstance(maps._filters, FilterGradientApart)
    check(geometry, maps, dtype)
    x, g = (torch.randn(s, dtype=dtype) for s in (geometry.input_shape, geometry.output_shape))
    found = []
    for threads in (2, 1, 3, 2):  # as if one came late, or more were there
        torch.set_num_threads(threads)
        found.append(maps.grad_weight(x, g))
    assert all(torch.equal(found[0], other) for other in found[1:])


def test_images_that_are_not_dense() -> None:
    geometry = images(16, 16, 1)
    x, g = torch.randn(geometry.input_shape), torch.randn(geometry.output_shape)
    maps = maps_of(geometry)
    dense = maps.grad_weight(x, g)
    wide = torch.zeros(*x.shape[:3], x.shape[3] + 5)
    wide[..., 2:-3] = x
    turned = g.to(memory_format=torch.channels_last)
    assert torch.equal(maps.grad_weight(wide[..., 2:-3], turned), dense)


@pytest.mark.parametrize(
    ("cache", "side", "threads"),
    [(64 << 10, 60, 2), (2 << 20, 8, 2), (2 << 20, 60, 64), (2 << 20, 60, 1)],
    ids=["sums too large", "too few tiles", "too much memory", "one thread"],
)
def test_where_threads_sum_together(
    cache: int, side: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutting, "FEW_PACKED", 0)
    monkeypatch.setattr(cutting, "cache_bytes", lambda: 2 << 20)
    assert maps_of(images(40, 48, 1))._filters.cut.apart
    monkeypatch.setattr(cutting, "cache_bytes", lambda: cache)
    torch.set_num_threads(threads)
    try:
        geometry = images(40, 48, 1, side)
        maps = maps_of(geometry)
        assert not maps._filters.cut.apart
        check(geometry, maps, torch.float32)
    finally:
        torch.set_num_threads(2)
