import itertools
from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import fftconv
from fftconv.geometry import Geometry
from fftconv.machine_code import winograd
from fftconv.machine_code.vectors import VECTOR_BYTES
from fftconv.methods.maps import Maps
from fftconv.methods.overlap_save import choice
from fftconv.methods.overlap_save.many_channels import by_outputs, cutting
from fftconv.methods.overlap_save.many_channels.engine import ManyChannels
from fftconv.methods.overlap_save.many_channels.lengths import Lengths
from fftconv.methods.overlap_save.many_channels.maps import ManyChannelsMaps
from fftconv.methods.overlap_save.method import OverlapSave
from fftconv.methods.overlap_save.weight_spectra import WeightSpectra
from fftconv.methods.polyphase import Polyphase
from fftconv.methods.registry import REGISTRY, put

# Few lengths of tiles, and sizes of filters that share functions: each is compiled once.
LENGTH, WINOGRAD = 12, winograd.LENGTH


def maps_of(
    geometry: Geometry, dtype: torch.dtype = torch.float32, length: int = LENGTH
) -> ManyChannelsMaps:
    return ManyChannelsMaps(geometry, Lengths(*[length] * 4), dtype, WeightSpectra())


def check(geometry: Geometry, maps: Maps, dtype: torch.dtype) -> None:
    """Compare the maps with torch in float64, and the errors with those of torch in this dtype."""
    x, w, g = (
        torch.randn(shape, dtype=torch.float64)
        for shape in (geometry.input_shape, geometry.weight_shape, geometry.output_shape)
    )
    bias = torch.randn(geometry.out_channels, dtype=torch.float64)
    top, bottom, left, right = geometry.padding

    def by_torch(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        a, b = (t.to(dtype).requires_grad_() for t in (x, w))
        y = F.conv2d(
            F.pad(a, (left, right, top, bottom)), b, bias.to(dtype), geometry.stride, 0,
            geometry.dilation, geometry.groups,
        )  # fmt: skip
        return (y.detach(), *torch.autograd.grad(y, (a, b), g.to(dtype)))

    a, b, c = x.to(dtype), w.to(dtype), g.to(dtype)
    ours = (
        maps.forward(a, b, bias.to(dtype)), maps.grad_input(c, b), maps.grad_weight(a, c)
    )  # fmt: skip
    wanted, theirs = by_torch(torch.float64), by_torch(dtype)
    for got, true, native in zip(ours, wanted, theirs, strict=True):
        assert got.shape == true.shape
        assert got.dtype == dtype
        scale = true.abs().max().clamp_min(1)
        error = float((got - true).abs().max() / scale)
        native_error = float((native - true).abs().max() / scale)
        floor = 4 * torch.finfo(dtype).eps
        assert error <= 3 * max(native_error, floor), (error, native_error, geometry)


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
    assert cutting.cut(cutting.Correlation.forward(geometry), WINOGRAD, 4) is None


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


@pytest.mark.parametrize("length", [LENGTH, WINOGRAD])
def test_chunks_of_few_tiles_give_what_one_chunk_gives(
    length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    geometry = Geometry.of((3, 8, 40, 70), (8, 8, 3, 3), padding=1)
    x, w, g = (torch.randn(s) for s in (
        geometry.input_shape, geometry.weight_shape, geometry.output_shape
    ))  # fmt: skip
    whole = maps_of(geometry, length=length)
    y, gx, gw = whole.forward(x, w), whole.grad_input(g, w), whole.grad_weight(x, g)
    monkeypatch.setattr(cutting, "CHUNK_BYTES", 1)
    monkeypatch.setattr(cutting, "UNIT_BYTES", 1 << 14)
    parts = maps_of(geometry, length=length)
    check(geometry, parts, torch.float32)
    assert torch.equal(parts.forward(x, w), y)
    assert torch.equal(parts.grad_input(g, w), gx)
    assert torch.allclose(parts.grad_weight(x, g), gw, atol=1e-3)
    assert parts._forward.cut.units < whole._forward.cut.units


@pytest.mark.parametrize("length", [LENGTH, WINOGRAD])
def test_the_number_of_threads_does_not_change_results(length: int) -> None:
    geometry = Geometry.of((3, 16, 40, 40), (16, 16, 3, 3), padding=1)
    x, w, g = (torch.randn(s) for s in (
        geometry.input_shape, geometry.weight_shape, geometry.output_shape
    ))  # fmt: skip
    maps = maps_of(geometry, length=length)
    results = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        results.append((maps.forward(x, w), maps.grad_input(g, w), maps.grad_weight(x, g)))
    for first, second in itertools.pairwise(results):
        assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("size", [(12, 50), (31, 24)])
def test_threads_apart_and_together_give_the_same(
    size: tuple[int, int], groups: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(2)
    geometry = Geometry.of((3, 8 * groups, *size), (9 * groups, 8, 3, 3), padding=1, groups=groups)
    x, w, g = (torch.randn(s) for s in (
        geometry.input_shape, geometry.weight_shape, geometry.output_shape
    ))  # fmt: skip
    bias = torch.randn(geometry.out_channels)
    monkeypatch.setattr(cutting, "READ_TIMES", 1e9)
    apart = maps_of(geometry)
    found = apart.forward(x, w, bias), apart.grad_input(g, w)
    monkeypatch.setattr(cutting, "READ_TIMES", -1)
    monkeypatch.setattr(cutting, "cache_bytes", lambda: 0)
    together = maps_of(geometry)
    assert apart._forward.cut.apart
    assert not together._forward.cut.apart
    assert torch.equal(together.forward(x, w, bias), found[0])
    assert torch.equal(together.grad_input(g, w), found[1])
    for threads in (1, 3):
        torch.set_num_threads(threads)
        assert torch.equal(apart.forward(x, w, bias), found[0])


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("outs", [9, 40, 70])
def test_spectra_that_are_made_where_they_are_used(
    outs: int, groups: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(2)
    geometry = Geometry.of((3, 20 * groups, 23, 18), (outs * groups, 20, 3, 3), padding=1,
                           groups=groups)  # fmt: skip
    monkeypatch.setattr(cutting, "READ_TIMES", 1e9)
    apart = maps_of(geometry, length=WINOGRAD)
    assert apart._forward.cut.apart
    monkeypatch.setattr(cutting, "READ_TIMES", -1)
    monkeypatch.setattr(cutting, "cache_bytes", lambda: 0)
    monkeypatch.setattr(by_outputs, "PART_TILES", 7)
    found = []
    for chunk in (cutting.CHUNK_BYTES, 1 << 16):
        monkeypatch.setattr(cutting, "CHUNK_BYTES", chunk)
        maps = maps_of(geometry, length=WINOGRAD)
        assert maps._forward.cut.by_outputs
        check(geometry, maps, torch.float32)
        x, w = torch.ones(geometry.input_shape), torch.ones(geometry.weight_shape)
        found.append((maps._forward.cut.number, maps.forward(x, w), apart.forward(x, w)))
    assert found[0][0] < found[1][0]
    for _, ours, theirs in found:
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(("ins", "groups"), [(300, 1), (256, 2)])
def test_filters_of_some_input_channels_at_a_time(
    ins: int, groups: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(2)
    geometry = Geometry.of((2, ins * groups, 15, 14), (40 * groups, ins, 3, 3), padding=1,
                           groups=groups)  # fmt: skip
    monkeypatch.setattr(cutting, "READ_TIMES", -1)
    monkeypatch.setattr(cutting, "cache_bytes", lambda: 0)
    monkeypatch.setattr(by_outputs, "PART_TILES", 7)
    # Room for the spectra of some more than 128 channels' filters, then for all.
    channel = cutting.bins_of(WINOGRAD) * 4 * VECTOR_BYTES
    memory = []
    for room in (150, 1000):
        monkeypatch.setattr(by_outputs, "cache_bytes", lambda room=room: 2 * room * channel)
        maps = maps_of(geometry, length=WINOGRAD)
        assert maps._forward.cut.by_outputs
        memory.append(maps._forward._pairs.bytes)
        check(geometry, maps, torch.float32)
    assert memory[0] < memory[1]


def test_a_weight_that_changes_is_seen_where_nothing_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cutting, "READ_TIMES", -1)
    monkeypatch.setattr(cutting, "cache_bytes", lambda: 0)
    torch.set_num_threads(2)
    geometry = Geometry.of((1, 16, 9, 9), (16, 16, 3, 3), padding=1)
    maps, x = maps_of(geometry, length=WINOGRAD), torch.randn(geometry.input_shape)
    w = torch.randn(geometry.weight_shape)
    y = maps.forward(x, w)
    w.data.mul_(2)
    assert torch.allclose(maps.forward(x, w), 2 * y, atol=1e-4)
    assert torch.allclose(maps.forward(x, w.transpose(2, 3)), maps.forward(x, w.mT.contiguous()))


@pytest.mark.parametrize("ins", [20, 150])
@pytest.mark.parametrize("most", [0, 1000])
def test_sums_over_tiles_by_pairs_and_all_at_a_time(
    ins: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutting, "FEW_TILES_BY_PAIRS", most)
    geometry = Geometry.of((2, 2 * ins, 16, 12), (2 * ins + 60, ins, 3, 3), padding=1, groups=2)
    maps = maps_of(geometry, length=WINOGRAD)
    assert maps._filters.cut.sums_by_pairs == bool(most)
    check(geometry, maps, torch.float32)


def test_threads_share_the_filters_of_deep_layers_and_work_apart_on_others() -> None:
    torch.set_num_threads(2)
    for channels, size, apart in ((16, 224, True), (64, 56, True), (512, 14, False)):
        case = cutting.Correlation.forward(
            Geometry.of((1, channels, size, size), (channels, channels, 3, 3), padding=1)
        )
        found = cutting.cut(case, LENGTH, 4)
        assert found is not None
        assert found.apart == apart
        # A multiple of the threads, so that none waits for the others.
        assert not apart or found.number % 2 == 0
    torch.set_num_threads(1)
    found = cutting.cut(case, LENGTH, 4)
    assert found is not None
    assert found.apart


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


def test_kept_spectra_follow_the_weight() -> None:
    geometry = Geometry.of((1, 8, 20, 14), (8, 8, 3, 3), padding=1)
    maps = maps_of(geometry)
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
