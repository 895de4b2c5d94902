"""Long rows and columns: tiles of one row, whose transforms are one-dimensional."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import fftconv
from fftconv.geometry import Geometry
from fftconv.methods.maps import MAPS
from fftconv.methods.overlap_save.choice import choose
from fftconv.methods.overlap_save.columns import Columns
from fftconv.methods.overlap_save.few_channels import FewChannels
from fftconv.methods.overlap_save.search import every
from fftconv.methods.turned import turned

METHODS = ["auto", "compiled", "overlap_save"]


def results(function: object, *operands: Tensor, **arguments: object) -> list[Tensor]:
    assert callable(function)
    y = function(*operands, **arguments)
    g = torch.randn(y.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return [y, *torch.autograd.grad(y, operands, g.to(y.dtype))]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("shape", "weight", "arguments"),
    [
        ((1, 1, 1, 5000), (1, 1, 1, 300), {}),
        ((2, 4, 1, 900), (6, 2, 1, 33), {"groups": 2, "padding": (0, 16)}),
        ((1, 2, 3, 700), (3, 2, 1, 65), {"padding": (1, 5)}),
        ((1, 9, 1, 400), (9, 9, 1, 40), {}),
        ((1, 2, 1, 800), (2, 2, 1, 41), {"stride": (1, 3), "dilation": (1, 2)}),
        ((1, 1, 2, 600), (1, 1, 2, 50), {"padding": 3}),
    ],
    ids=str,
)
@pytest.mark.parametrize("tall", [False, True])
def test_a_row_and_a_column_are_torchs(
    method: str,
    shape: tuple[int, ...],
    weight: tuple[int, ...],
    arguments: dict[str, object],
    tall: bool,
) -> None:
    x, w = (torch.randn(s, dtype=torch.float64) for s in (shape, weight))
    if tall:
        x, w = x.mT.contiguous(), w.mT.contiguous()
        arguments = {
            name: value[::-1] if isinstance(value, tuple) else value
            for name, value in arguments.items()
        }
    operands = x.requires_grad_(), w.requires_grad_()
    ours = results(fftconv.conv2d, *operands, **arguments, method=method)
    for one, other in zip(ours, results(F.conv2d, *operands, **arguments), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def test_a_filter_of_one_row_is_transformed_in_rows() -> None:
    for height in (1, 64):
        geometry = Geometry.of((1, 1, height, 65536), (1, 1, 1, 1024), padding=(2, 0))
        assert {tiling.fft[0] for tiling in every(geometry, 4, FewChannels().numbers)} == {1}


def test_rows_may_be_longer_than_sides_of_tiles() -> None:
    long = fftconv.plan((1, 1, 1, 441_000), (1, 1, 1, 4096))
    assert long.method == "overlap_save"
    assert long.tile is not None
    assert 4096 < long.tile[1] < 65536


def test_a_column_is_planned_as_the_row_that_it_is() -> None:
    row = fftconv.plan((1, 4, 1, 65536), (4, 1, 1, 1024), groups=4, needs_grad=True)
    column = fftconv.plan((1, 4, 65536, 1), (4, 1, 1024, 1), groups=4, needs_grad=True)
    assert column.tile is not None
    assert column.tile[::-1] == row.tile
    assert column.seconds["forward"]["compiled"] == row.seconds["forward"]["compiled"]
    assert column.chosen == row.chosen


def test_turning_twice_changes_nothing() -> None:
    geometry = Geometry.of((1, 2, 30, 20), (3, 2, 5, 4), (1, 2), "valid", (3, 1))
    assert turned(turned(geometry)) == geometry
    assert turned(geometry).output_size == geometry.output_size[::-1]


def test_many_channels_of_a_long_row_fit_in_memory() -> None:
    plan = fftconv.plan((1, 16, 1, 65536), (16, 16, 1, 1024))
    assert plan.method == "overlap_save"


@pytest.mark.parametrize("form", ["row", "column", "conv1d"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_long_filter_over_a_long_row(form: str, dtype: torch.dtype) -> None:
    length, taps = 65536, 1024
    generator = torch.Generator().manual_seed(3)
    x, w = (torch.randn(n, dtype=torch.float64, generator=generator) for n in (length, taps))
    shape = {"row": (1, 1, 1, -1), "column": (1, 1, -1, 1), "conv1d": (1, 1, -1)}[form]
    ours, torchs = (fftconv.conv1d, F.conv1d) if form == "conv1d" else (fftconv.conv2d, F.conv2d)
    true = (t.view(shape).requires_grad_() for t in (x, w))
    got = (t.to(dtype).view(shape).requires_grad_() for t in (x, w))
    for one, other in zip(results(ours, *got), results(torchs, *true), strict=True):
        assert one.shape == other.shape
        error = float(((one - other).abs().max() / other.abs().max()).detach())
        assert error < (1e-6 if dtype == torch.float32 else 1e-13), error
    planned = (1, 1, 1, length), (1, 1, 1, taps)
    assert set(fftconv.plan(*planned, dtype=dtype, needs_grad=True).chosen.values()) == {
        "overlap_save"
    }


def test_halves_and_gradients_of_gradients_of_a_column() -> None:
    x = torch.randn(1, 2, 70, 1, dtype=torch.float64, requires_grad=True)
    w = torch.randn(2, 2, 40, 1, dtype=torch.float64, requires_grad=True)

    def call(x: Tensor, w: Tensor) -> Tensor:
        return fftconv.conv2d(x, w, padding=(3, 0), method="overlap_save")

    assert torch.autograd.gradcheck(call, (x, w), fast_mode=True)
    assert torch.autograd.gradgradcheck(call, (x, w), fast_mode=True)
    half = call(x.detach().to(torch.bfloat16), w.detach().to(torch.bfloat16))
    torch.testing.assert_close(half.double(), call(x, w).detach(), rtol=2e-2, atol=0.3)


def test_a_column_of_wide_planes_is_turned_where_copies_pay() -> None:
    tall = Geometry.of((1, 1, 3000, 4), (1, 1, 700, 1))
    chosen = choose(tall, 4)
    assert isinstance(chosen.engine, Columns)
    assert chosen.engine.tile(chosen.cut)[1] == 1
    row = choose(turned(tall), 4)
    assert chosen.seconds(MAPS, 4, 1, learned=True) > row.seconds(MAPS, 4, 1, learned=True)
