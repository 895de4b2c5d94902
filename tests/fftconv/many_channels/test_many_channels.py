from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import fftconv
from fftconv.geometry import Geometry
from fftconv.methods.overlap_save import choice
from fftconv.methods.overlap_save.many_channels import cutting
from fftconv.methods.overlap_save.many_channels.correlation import Correlation
from fftconv.methods.overlap_save.many_channels.engine import ManyChannels
from fftconv.methods.overlap_save.many_channels.lengths import Lengths
from fftconv.methods.overlap_save.many_channels.maps import ManyChannelsMaps
from fftconv.methods.overlap_save.method import OverlapSave
from fftconv.methods.polyphase import Polyphase
from fftconv.methods.registry import REGISTRY, put

from .conftest import LENGTH, WINOGRAD, check, maps_of


@pytest.mark.parametrize("length", [LENGTH, WINOGRAD])
@pytest.mark.parametrize("channels", [(6, 6), (24, 48), (80, 8), (7, 100), (16, 17), (130, 20)])
def test_numbers_of_channels(channels: tuple[int, int], length: int) -> None:
    ins, outs = channels
    geometry = Geometry.of((2, ins, 21, 26), (outs, ins, 3, 3), padding=1)
    check(geometry, maps_of(geometry, length=length), torch.float32)


# The output ends just before, at, and just after the end of a tile, and within one.
@pytest.mark.parametrize("size", [(1, 3), (3, 9), (12, 12), (13, 11), (22, 32), (23, 33)])
@pytest.mark.parametrize("padding", [0, 1, (2, 0), 3])
@pytest.mark.parametrize("length", [LENGTH, WINOGRAD])
def test_sizes_around_the_tile(
    size: tuple[int, int], padding: int | tuple[int, int], length: int
) -> None:
    height, width = size
    if padding == 0:
        height, width = height + 2, width + 2
    if padding == (2, 0):
        width += 2
    geometry = Geometry.of((3, 8, height, width), (8, 8, 3, 3), padding=padding)
    check(geometry, maps_of(geometry, length=length), torch.float32)


@pytest.mark.parametrize("kernel", [(1, 3), (4, 2), (3, 4)])
def test_filters_of_any_shape(kernel: tuple[int, int]) -> None:
    geometry = Geometry.of((2, 9, 19, 14), (10, 9, *kernel), padding="same")
    check(geometry, maps_of(geometry), torch.float32)


def test_a_filter_as_large_as_the_tile_and_more_padding_than_filter() -> None:
    for kernel, padding in ((12, 3), (11, 12), (3, 5)):
        geometry = Geometry.of((1, 8, 15, 14), (8, 8, kernel, kernel), padding=padding)
        check(geometry, maps_of(geometry), torch.float32)


@pytest.mark.parametrize("kernel", [(2, 2), (4, 2), (3, 4), (5, 5)])
def test_filters_in_winograds_tiles(kernel: tuple[int, int]) -> None:
    geometry = Geometry.of((2, 9, 19, 14), (10, 9, *kernel), padding="same")
    check(geometry, maps_of(geometry, length=WINOGRAD), torch.float32)


@pytest.mark.parametrize("kernel", [(1, 3), (3, 1), (6, 3), (3, 7)])
def test_filters_that_winograds_tiles_are_not_for(kernel: tuple[int, int]) -> None:
    geometry = Geometry.of((2, 9, 19, 14), (10, 9, *kernel))
    assert cutting.cut(Correlation.forward(geometry), WINOGRAD, 4) is None


def test_groups_and_double_precision() -> None:
    geometry = Geometry.of((2, 18, 17, 23), (30, 6, 3, 3), padding=1, groups=3)
    check(geometry, maps_of(geometry), torch.float32)
    for length in (LENGTH, WINOGRAD):
        check(geometry, maps_of(geometry, torch.float64, length), torch.float64)


def test_stride_and_dilation() -> None:
    for stride, dilation in ((2, 1), (1, 2), ((1, 2), (3, 2))):
        geometry = Geometry.of((2, 8, 25, 22), (9, 8, 3, 3), stride, 1, dilation)
        maps = Polyphase(geometry, maps_of)
        check(geometry, maps, torch.float32)


@pytest.mark.parametrize("length", [8, 10, 16, 18, 20])
def test_other_lengths(length: int) -> None:
    geometry = Geometry.of((2, 8, 20, 23), (8, 8, 3, 3), padding=1)
    check(geometry, maps_of(geometry, length=length), torch.float32)


def test_operands_of_any_layout() -> None:
    geometry = Geometry.of((2, 8, 20, 14), (8, 8, 3, 3), padding=1)
    maps = maps_of(geometry)
    x, w, g = torch.randn(2, 8, 20, 14), torch.randn(8, 8, 3, 3), torch.randn(2, 8, 20, 14)
    y, gx, gw = maps.forward(x, w), maps.grad_input(g, w), maps.grad_weight(x, g)
    views = (
        lambda t: t.contiguous(memory_format=torch.channels_last),
        lambda t: t.transpose(0, 1).contiguous().transpose(0, 1),
        lambda t: t.transpose(2, 3).contiguous().transpose(2, 3),
        lambda t: F.pad(t, (3, 2, 1, 4))[:, :, 1:-4, 3:-2],
    )
    for view in views:
        assert torch.equal(maps.forward(view(x), view(w)), y)
        assert torch.equal(maps.grad_input(view(g), view(w)), gx)
        assert torch.equal(maps.grad_weight(view(x), view(g)), gw)


@pytest.mark.parametrize("length", [LENGTH, WINOGRAD])
def test_kept_spectra_follow_the_weight(length: int) -> None:
    geometry = Geometry.of((1, 8, 20, 14), (8, 8, 3, 3), padding=1)
    maps = maps_of(geometry, length=length)
    x, w = torch.randn(1, 8, 20, 14), torch.randn(8, 8, 3, 3)
    y = maps.forward(x, w)
    transformed = []
    spectra = maps._forward.spectra
    maps._forward.spectra = lambda w: transformed.append(1) or spectra(w)  # type: ignore
    assert torch.equal(maps.forward(x, w), y)
    assert not transformed
    w.data *= 2
    assert torch.allclose(maps.forward(x, w), 2 * y)
    assert transformed


class Always(ManyChannels):
    """The engine with tiles of one length, whatever is predicted."""

    def cut(self, *_: object) -> Lengths:
        return Lengths(*[LENGTH] * 4)


@pytest.fixture
def dense(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make products over channels serve, with tiles of one length."""
    monkeypatch.setattr(choice, "ENGINES", (Always(),))
    before = REGISTRY["overlap_save"]
    put(OverlapSave())
    yield
    put(before)


@pytest.mark.usefixtures("dense")
def test_gradients_of_gradients() -> None:
    x = torch.randn(1, 6, 5, 6, dtype=torch.float64, requires_grad=True)
    w = torch.randn(6, 6, 3, 3, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(6, dtype=torch.float64, requires_grad=True)

    def call(x: Tensor, w: Tensor, bias: Tensor) -> Tensor:
        return fftconv.conv2d(x, w, bias, padding=1, method="overlap_save")

    assert torch.autograd.gradcheck(call, (x, w, bias), fast_mode=True)
    assert torch.autograd.gradgradcheck(call, (x, w, bias), fast_mode=True)


@pytest.mark.usefixtures("dense")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_halves_are_computed_in_single_precision(dtype: torch.dtype) -> None:
    x, w = torch.randn(1, 8, 20, 20).to(dtype), torch.randn(8, 8, 3, 3).to(dtype)
    y = fftconv.conv2d(x, w, padding=1, method="overlap_save")
    wanted = F.conv2d(x.float(), w.float(), padding=1)
    assert y.dtype == dtype
    assert torch.allclose(y.float(), wanted, rtol=torch.finfo(dtype).eps, atol=1e-4)


def test_the_method_uses_products_over_channels_where_they_are_predicted_faster() -> None:
    def kind(geometry: Geometry) -> type:
        return type(OverlapSave().prepare(geometry, torch.float32, torch.device("cpu")))

    assert kind(Geometry.of((8, 64, 56, 56), (64, 64, 5, 5), padding=2)) is ManyChannelsMaps
    assert kind(Geometry.of((8, 3, 56, 56), (3, 3, 5, 5), padding=2)) is not ManyChannelsMaps


def test_a_plan_says_what_the_spectra_of_the_weight_take() -> None:
    plan = fftconv.plan((8, 64, 56, 56), (64, 64, 7, 7), padding=3)
    assert plan.method == "overlap_save"
    side = plan.tile[0] if plan.tile else 0
    assert plan.filter_bytes == (side**2 // 2 + 2) * 64 * 64 * 8
    assert f"the weight's spectra take {plan.filter_bytes / 1e6:.3g} MB" in str(plan)
    assert "spectra take" not in str(fftconv.plan((1, 1, 2048, 2048), (1, 1, 63, 63)))
