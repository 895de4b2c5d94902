"""Few channels by generated transforms: against torch, with and without MKL."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import msgspec
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from fftconv import conv2d
from fftconv.calibration.constants import Generated
from fftconv.calibration.machine import defaults
from fftconv.geometry import Geometry
from fftconv.machine_code.usable import obstacle
from fftconv.methods.maps import MAPS, Maps
from fftconv.methods.overlap_save import choice, cost, mkl
from fftconv.methods.overlap_save.few_channels import FewChannels
from fftconv.methods.overlap_save.method import OverlapSave
from fftconv.methods.overlap_save.tiling import (
    OWN_FACTORS,
    Tiling,
    own_fitted,
    own_lengths,
    too_large,
)
from fftconv.methods.registry import REGISTRY, put

pytestmark = pytest.mark.skipif(obstacle() is not None, reason="nothing compiles here")
ENGINE = FewChannels()


def tiles(fft: tuple[int, int]) -> Callable[[Geometry, int], Tiling]:
    """Return what cuts every case into generated transforms of one size."""

    def tiling(geometry: Geometry, item_bytes: int) -> Tiling:
        del item_bytes
        sizes = zip(geometry.output_size, fft, geometry.kernel_size, strict=True)
        height, width = (min(out, n - taps + 1) for out, n, taps in sizes)
        grid = -(-geometry.output_size[0] // height), -(-geometry.output_size[1] // width)
        return Tiling(fft, (height, width), grid, 1, 1, own=True)

    return tiling


def operands(geometry: Geometry) -> list[Tensor]:
    shapes = geometry.input_shape, geometry.weight_shape, geometry.output_shape
    return [torch.randn(shape, dtype=torch.float64) for shape in shapes]


def wanted_of(geometry: Geometry, x: Tensor, w: Tensor, g: Tensor) -> list[Tensor]:
    """Return torch's output and gradients, in float64."""
    top, bottom, left, right = geometry.padding
    a, b = x.clone().requires_grad_(), w.clone().requires_grad_()
    y = F.conv2d(F.pad(a, (left, right, top, bottom)), b, groups=geometry.groups)
    return [y.detach(), *torch.autograd.grad(y, (a, b), g)]


def close(got: Tensor | None, wanted: Tensor) -> None:
    assert got is not None
    error = float((got - wanted).abs().max() / wanted.abs().max().clamp_min(1))
    assert error < (1e-13 if got.dtype == torch.float64 else 2e-5)


def check(geometry: Geometry, fft: tuple[int, int], dtype: torch.dtype = torch.float64) -> None:
    exact = operands(geometry)
    y, gx, gw = wanted_of(geometry, *exact)
    x, w, g = (t.to(dtype) for t in exact)
    maps = OverlapSave(tiles(fft)).prepare(geometry, dtype, x.device)
    both = maps.grads(g, x, w)
    for got, wanted in (
        (maps.forward(x, w), y), (maps.grad_input(g, w), gx), (maps.grad_weight(x, g), gw),
        (both[0], gx), (both[1], gw),
    ):  # fmt: skip
        close(got, wanted)


@pytest.mark.parametrize("length", OWN_FACTORS)
def test_every_length(length: int) -> None:
    side = length + length // 2
    geometry = Geometry.of((1, 1, side, side - 3), (1, 1, length // 4, 7), padding=2)
    check(geometry, (length, length))


@pytest.mark.parametrize("fft", [(32, 96), (96, 32), (48, 64)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sides_that_differ_channels_groups_batch(fft: tuple[int, int], dtype: torch.dtype) -> None:
    for groups, per_in, per_out in product((1, 2), (1, 3), (1, 2)):
        shapes = (3, groups * per_in, 50, 61), (groups * per_out, per_in, 4, 15)
        check(Geometry.of(*shapes, 1, (1, 2), 1, groups), fft, dtype)


# The output ends just before, at, and just after the end of a tile; so do its columns.
@pytest.mark.parametrize("rows", [29, 30, 31, 59, 60, 61])
def test_sizes_around_the_tile(rows: int) -> None:
    for columns, padding in product((27, 28, 29, 57), (0, 2, 5)):
        size = rows + 2 - 2 * padding, columns + 4 - 2 * padding
        check(Geometry.of((1, 1, *size), (1, 1, 3, 5), padding=padding), (32, 32))


@pytest.mark.parametrize("kernel", [(32, 32), (32, 3), (2, 32), (31, 31)])
def test_filter_as_large_as_the_tile(kernel: tuple[int, int]) -> None:
    check(Geometry.of((1, 2, 44, 40), (2, 1, *kernel), padding=2, groups=2), (32, 32))


def test_the_number_of_threads_does_not_change_the_result() -> None:
    geometry = Geometry.of((3, 2, 200, 150), (4, 2, 15, 20), padding=3)
    x, w, g = (t.float() for t in operands(geometry))
    subject, before, results = OverlapSave(tiles((48, 64))), torch.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            maps = subject.prepare(geometry, x.dtype, x.device)
            results.append((maps.forward(x, w), *maps.grads(g, x, w)))
    finally:
        torch.set_num_threads(before)
    for result in results[1:]:
        for got, wanted in zip(result, results[0], strict=True):
            assert got is not None
            assert wanted is not None
            assert torch.equal(got, wanted)


def test_kept_spectra_serve_backward_and_a_bias_is_added() -> None:
    geometry = Geometry.of((2, 4, 50, 50), (4, 2, 9, 9), padding=2, groups=2)
    (x, w, g), bias = operands(geometry), torch.randn(4, dtype=torch.float64)
    maps: Maps = OverlapSave(tiles((64, 64))).prepare(geometry, x.dtype, x.device)
    assert maps.keeps
    y, kept = maps.forward_kept(x, w, bias)
    torch.testing.assert_close(y, maps.forward(x, w) + bias.view(-1, 1, 1))
    wanted = maps.grads(g, x, w)
    # Neither the input nor the weight is looked at again.
    torch.testing.assert_close(maps.grads(g, x * torch.nan, w * torch.nan, kept=kept), wanted)


def test_operands_of_any_layout() -> None:
    geometry = Geometry.of((2, 3, 40, 41), (3, 3, 5, 4))
    x, w, g = operands(geometry)
    y, gx, gw = wanted_of(geometry, x, w, g)
    maps = OverlapSave(tiles((32, 32))).prepare(geometry, x.dtype, x.device)
    last = x.to(memory_format=torch.channels_last)
    wide = torch.zeros(2, 3, 50, 60, dtype=x.dtype)[:, :, 3:43, 7:48].copy_(x)
    for image in (last, wide, x.transpose(2, 3).contiguous().transpose(2, 3)):
        close(maps.forward(image, w), y)
        got = maps.grads(g.to(memory_format=torch.channels_last), image, w)
        close(got[0], gx)
        close(got[1], gw)


@pytest.fixture
def no_mkl(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make the case that torch brings no MKL, as on ARM; a new method prepares all cases anew."""
    monkeypatch.setattr(mkl, "available", lambda: False)
    monkeypatch.setattr(mkl, "transforms", None)
    choice._choose.cache_clear()
    before = REGISTRY["overlap_save"]
    put(OverlapSave())
    yield
    put(before)
    choice._choose.cache_clear()


@pytest.mark.usefixtures("no_mkl")
def test_without_mkl() -> None:
    x, w = torch.randn(2, 3, 90, 81), torch.randn(4, 3, 15, 12)
    numbers: dict[str, Any]
    for numbers in ({}, {"padding": 7}, {"stride": 2}, {"dilation": (2, 1)}):
        a, b = x.clone().requires_grad_(), w.clone().requires_grad_()
        y = conv2d(a, b, **numbers, method="overlap_save")
        wanted = F.conv2d(a.double(), b.double(), **numbers)
        close(y.detach(), wanted.detach())
        g = torch.randn_like(y)
        got = torch.autograd.grad(y, (a, b), g)
        for one, other in zip(got, torch.autograd.grad(wanted, (a, b), g.double()), strict=True):
            close(one, other)
    geometry = Geometry.of((1, 1, 500, 500), (1, 1, 15, 15))
    chosen = choice.choose(geometry, 4)
    assert isinstance(chosen.engine, FewChannels)
    assert chosen.cut.own
    row = Geometry.of((1, 1, 8, 5000), (1, 1, 1, 900))
    assert not isinstance(choice.choose(row, 4).engine, FewChannels)


def test_lengths_are_the_shortest_for_as_many_tiles() -> None:
    for size, taps in product((20, 100, 255, 1000), (3, 15, 64, 110)):
        if taps > size:
            continue
        geometry = Geometry.of((1, 1, size, size), (1, 1, taps, taps))
        found = own_lengths(geometry, 0)
        assert found == sorted(set(found) & set(OWN_FACTORS))
        counts = [-(-geometry.output_size[0] // (n - taps + 1)) for n in found]
        assert counts == sorted(set(counts), reverse=True)
        for n, count in zip(found, counts, strict=True):
            assert own_fitted(geometry, 0, n) == n
            wider = replace(geometry, input_size=(size + 1, size))
            needed = own_fitted(wider, 0, n)
            assert needed in OWN_FACTORS
            assert count <= -(-wider.output_size[0] // (n - taps + 1))


@pytest.mark.skipif(not mkl.available(), reason="torch brings no MKL for this processor")
def test_who_transforms_is_a_matter_of_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    geometry = Geometry.of((1, 1, 512, 512), (1, 1, 31, 31))
    machine = defaults()
    for processor, rates, is_own in (
        ("AMD EPYC, AVX2", None, True), ("Intel(R) Xeon(R), AVX512", None, False),
        ("Intel(R) Xeon(R), AVX512", Generated(1e-11, 1e-11), True),
        ("AMD EPYC, AVX2", Generated(1e-9, 1e-9), False),
    ):  # fmt: skip
        monkeypatch.setattr(cost, "processor", lambda processor=processor: processor)
        known = msgspec.structs.replace(machine.float32, generated=rates)
        generated = tiles((96, 96))(geometry, 4)
        took = [
            ENGINE.predict(MAPS, geometry, replace(generated, own=own), 1e-5, known, 2, 4)
            for own in (True, False)
        ]
        assert (took[0] < took[1]) == is_own


def test_memory_is_within_bounds() -> None:
    for size, taps in ((256, 15), (512, 31), (2048, 63)):
        geometry = Geometry.of((1, 1, size, size), (1, 1, taps, taps), padding=taps // 2)
        assert not too_large(geometry, ENGINE.cut(geometry, 4, 2), ENGINE.numbers)
