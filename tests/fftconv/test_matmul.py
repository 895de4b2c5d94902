"""Matrix products: every way that columns are laid out, and what is predicted of it."""

from collections.abc import Callable

import pytest
import torch
from msgspec import structs
from torch import Tensor

import fftconv
from fftconv.calibration.machine import Machine, defaults
from fftconv.geometry import Geometry
from fftconv.methods import timing
from fftconv.methods.maps import MAPS, Map, Maps
from fftconv.methods.matmul import cost, patches, products
from fftconv.methods.registry import REGISTRY

CASES = {
    "pointwise, one image": Geometry.of((1, 5, 12, 11), (7, 5, 1, 1)),
    "pointwise, images with many pixels": Geometry.of((3, 2, 12, 11), (4, 2, 1, 1)),
    "pointwise, images with few pixels": Geometry.of((4, 6, 3, 5), (9, 6, 1, 1)),
    "pointwise, groups": Geometry.of((1, 6, 4, 5), (9, 2, 1, 1), groups=3),
    "pointwise, groups, many pixels": Geometry.of((2, 6, 12, 13), (3, 2, 1, 1), groups=3),
    "pointwise, groups, few pixels": Geometry.of((3, 6, 2, 3), (6, 2, 1, 1), groups=3),
    "pointwise with padding": Geometry.of((2, 3, 4, 4), (2, 3, 1, 1), padding=(1, 2)),
    "pointwise with stride": Geometry.of((2, 3, 8, 9), (5, 3, 1, 1), stride=(2, 3)),
    "patches side by side": Geometry.of((2, 3, 8, 12), (5, 3, 2, 4), stride=(2, 4)),
    "patches with gaps": Geometry.of((2, 3, 11, 13), (5, 3, 2, 2), stride=3),
    "patches beyond which rows are left": Geometry.of((1, 2, 9, 11), (3, 2, 4, 4), stride=4),
    "patches that overlap": Geometry.of((2, 3, 8, 9), (4, 3, 3, 2), padding="same"),
    "dilation and groups": Geometry.of((2, 4, 9, 8), (6, 2, 3, 2), 2, (2, 1), (2, 1), 2),
    "dilated taps between those of others": Geometry.of((1, 1, 9, 9), (1, 1, 2, 2), 2, 0, 3),
}


def operands(geometry: Geometry) -> dict[Map, tuple[Tensor, Tensor]]:
    x, w, g = (
        torch.randn(shape, dtype=torch.float64)
        for shape in (geometry.input_shape, geometry.weight_shape, geometry.output_shape)
    )
    return {"forward": (x, w), "grad_input": (g, w), "grad_weight": (x, g)}


def maps_of(method: str, geometry: Geometry) -> Maps:
    return REGISTRY[method].prepare(geometry, torch.float64, torch.device("cpu"))


def computed(maps: Maps, name: Map) -> Callable[[Tensor, Tensor], Tensor]:
    call: Callable[[Tensor, Tensor], Tensor] = getattr(maps, name)
    return call


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("case", CASES)
def test_each_map_is_torchs(case: str, name: Map) -> None:
    geometry = CASES[case]
    a, b = operands(geometry)[name]
    found = computed(maps_of("matmul", geometry), name)(a, b)
    torch.testing.assert_close(found, computed(maps_of("native", geometry), name)(a, b))
    assert found.is_contiguous()
    assert found.untyped_storage().data_ptr() not in (
        a.untyped_storage().data_ptr(),
        b.untyped_storage().data_ptr(),
    )


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("limit", [1, 150, 1000])
@pytest.mark.parametrize("case", CASES)
def test_blocks_are_put_together(
    case: str, limit: int, name: Map, monkeypatch: pytest.MonkeyPatch
) -> None:
    geometry = CASES[case]
    monkeypatch.setattr(patches, "COLUMNS", limit)
    a, b = operands(geometry)[name]
    found = computed(maps_of("matmul", geometry), name)(a, b)
    torch.testing.assert_close(found, computed(maps_of("native", geometry), name)(a, b))


@pytest.mark.parametrize("case", CASES)
def test_blocks_are_all_of_the_output_once(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches, "COLUMNS", 150)
    geometry = CASES[case]
    seen = torch.zeros(geometry.output_shape)
    for block in patches.blocks(geometry):
        share = block.of(seen)
        assert (share.shape[0], *share.shape[2:]) == block.size
        share += 1
    assert torch.equal(seen, torch.ones(geometry.output_shape))


@pytest.mark.parametrize("case", CASES)
def test_any_strides_and_a_bias(case: str) -> None:
    geometry = CASES[case]
    x, w = operands(geometry)["forward"]
    bias = torch.randn(geometry.out_channels, dtype=torch.float64)
    x = x.to(memory_format=torch.channels_last)
    w = w.transpose(2, 3).contiguous().transpose(2, 3)
    found = maps_of("matmul", geometry).forward(torch._neg_view(x), w, bias)
    torch.testing.assert_close(found, maps_of("native", geometry).forward(-x, w, bias))


@pytest.mark.parametrize("columns", [3, 200])
def test_the_weights_gradient_is_one_sum_in_both_ways(columns: int) -> None:
    """Few columns: images side by side in one product; many: a product each, added up."""
    a, b = torch.randn(4, 5, columns), torch.randn(4, 6, columns)
    expected = torch.einsum("nmp,nkp->mk", a, b)
    torch.testing.assert_close(products.gathered(a, b, 2), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("columns", [9, 1000])
@pytest.mark.parametrize("images", [(), (3,)])
@pytest.mark.parametrize("beyond", [False, True])
def test_either_rows_come_first(
    columns: int, images: tuple[int, ...], beyond: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few rows come before many, and many before some; the result is what it is, and dense."""
    monkeypatch.setattr(products, "CACHED", 1 if beyond else 1 << 40)
    some = products.FEW_ROWS_BEYOND if beyond else products.FEW_ROWS
    for first, second, turns in (
        (2, 40, False), (40, 2, True), (some, 40, True), (40, some, False), (7, 7, False),
    ):  # fmt: skip
        a, b = torch.randn(*images, first, columns), torch.randn(*images, second, columns)
        assert products._comes_second(a, b, 2) == (turns and columns >= products.MANY_COLUMNS)
        found = products.gathered(a, b, 2)
        expected = (a.double() @ b.double().transpose(-1, -2)).reshape(-1, first, second).sum(0)
        torch.testing.assert_close(found.double(), expected, atol=1e-3, rtol=1e-4)
        assert found.is_contiguous()


def test_large_results_are_not_turned() -> None:
    """Of many rows the order hardly matters, and the result is long to turn."""
    for first, second, columns in ((40, 700, 3000), (20, 700, 49)):
        a, b = torch.randn(first, columns), torch.randn(second, columns)
        assert not products._comes_second(a, b, 2)


def test_columns_of_other_groups_are_not_the_sums() -> None:
    """Each group's result is turned by itself, and has the columns of its own images."""
    a, b = torch.randn(40, 20, 100), torch.randn(40, 60, 100)
    assert not products._comes_second(a, b, 3)
    a, b = torch.randn(6, 40, 20, 100), torch.randn(6, 40, 60, 100)
    assert products._comes_second(a, b, 3)
    expected = torch.einsum("ngmp,ngkp->gmk", a, b)
    found = products.gathered(a, b, 3)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-4)
    assert found.is_contiguous()


def test_a_large_matrix_is_not_laid_out_at_once() -> None:
    geometry = Geometry.of((1, 1, 512, 512), (1, 1, 31, 31))
    whole = 31 * 31 * 482 * 482
    assert patches.at_a_time(geometry) <= geometry.numbers < whole / 400
    assert cost.extra_numbers(geometry) <= 2 * geometry.numbers


def test_auto_takes_products_for_1x1_filters_on_the_xeon(kind: Machine) -> None:
    """The constants of others were measured where the library's products are no faster."""
    torch.set_num_threads(2)
    plan = fftconv.plan((8, 64, 56, 56), (256, 64, 1, 1), needs_grad=True)
    if "Intel" in kind.processor:
        assert {*plan.chosen.values()} == {"matmul"}
    seconds = plan.seconds["forward"]
    assert seconds["native"] / 2 < seconds["matmul"] < 2 * seconds["native"]


def test_predictions_follow_what_was_measured_of_products() -> None:
    geometry, machine = Geometry.of((1, 64, 128, 128), (64, 64, 1, 1)), defaults()
    without = structs.replace(machine.float32, products=None)
    derived = cost.of(structs.replace(machine, float32=without), 4)
    assert 0 < derived.spread < derived.gathered
    assert derived.number > 0
    for slower in ("spread", "gathered", "number"):
        slow = structs.replace(derived, **{slower: 1000 * getattr(derived, slower)})
        seconds = {}
        for products_ in (derived, slow):
            precision = structs.replace(machine.float32, products=products_)
            changed = structs.replace(machine, float32=precision)
            seconds[products_] = [cost.seconds(name, geometry, 4, changed, 1) for name in MAPS]
        ratios = [b / a for a, b in zip(*seconds.values(), strict=True)]
        assert [ratio > 50 for ratio in ratios] == {
            "spread": [True, True, False], "gathered": [False, False, True], "number": [True] * 3,
        }[slower]  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_calibration_times_products(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "SAMPLE_S", 1e-5)
    *_, (share, _, found) = REGISTRY["matmul"].calibrate(dtype)
    assert share == 1.0
    assert all(rate > 0 for rate in structs.astuple(found["products"]))


def test_filters_that_are_read_for_many_blocks_cost_it() -> None:
    """Few pixels under many taps: of 512 channels each block has ten patches."""
    deep = fftconv.plan((1, 512, 7, 7), (512, 512, 3, 3), 1, 1)
    assert deep.method != "matmul"
    geometry = Geometry.of((1, 512, 7, 7), (512, 512, 3, 3), padding=1)
    assert patches.how_many(geometry) == len([*patches.blocks(geometry)]) > 4


def test_patches_that_overlap_cost_their_copies() -> None:
    apart = fftconv.plan((8, 16, 64, 64), (16, 16, 2, 2), 2)
    over = fftconv.plan((8, 16, 64, 64), (16, 16, 2, 2), 1)
    assert over.seconds["forward"]["matmul"] > 3 * apart.seconds["forward"]["matmul"]


@pytest.mark.parametrize("precision", ["medium", "high"])
@pytest.mark.parametrize("case", ["pointwise, images with many pixels", "patches side by side"])
def test_products_are_as_exact_as_convolutions(case: str, precision: str) -> None:
    """Torch may be told to multiply float32's matrices in bfloat16: its convolution does not."""
    geometry = CASES[case]
    exact = operands(geometry)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        for name in MAPS:
            a, b = exact[name]
            expected = computed(maps_of("native", geometry), name)(a, b)
            found = computed(maps_of("matmul", geometry), name)(a.float(), b.float())
            assert found.dtype == torch.float32
            torch.testing.assert_close(found.double(), expected, atol=1e-5, rtol=1e-5)
        inexact = REGISTRY["matmul"].seconds(("forward",), geometry, 4, 1)
    finally:
        torch.set_float32_matmul_precision(before)
    assert inexact == REGISTRY["matmul"].seconds(("forward",), geometry, 8, 1)


def test_blocks_of_a_huge_image_are_not_held_at_once() -> None:
    geometry = Geometry.of((1, 1, 40_000, 40_000), (1, 1, 31, 31))
    first = next(patches.blocks(geometry))
    assert patches.how_many(geometry) > 1000
    assert first.size[0] * first.size[1] * first.size[2] * 31 * 31 <= patches.COLUMNS
    REGISTRY["matmul"].prepare(geometry, torch.float32, torch.device("cpu"))
