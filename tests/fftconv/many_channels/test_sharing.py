"""What threads share, what they keep to themselves, and that results do not depend on it."""

import itertools

import pytest
import torch

from fftconv.geometry import Geometry
from fftconv.machine_code.vectors import VECTOR_BYTES
from fftconv.methods.overlap_save.many_channels import by_outputs, cutting
from fftconv.methods.overlap_save.many_channels.correlation import Correlation

from .conftest import LENGTH, WINOGRAD, check, maps_of


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
        assert maps._forward.cut.by_pairs
        check(geometry, maps, torch.float32)
        x, w = torch.ones(geometry.input_shape), torch.ones(geometry.weight_shape)
        found.append((maps._forward.cut.number, maps.forward(x, w), apart.forward(x, w)))
    assert found[0][0] < found[1][0]
    for _, ours, theirs in found:
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("ins", "outs", "groups"), [(20, 9, 2), (70, 40, 1), (50, 70, 2)])
def test_fouriers_of_a_weight_that_is_learned(
    ins: int, outs: int, groups: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(2)
    geometry = Geometry.of((3, ins * groups, 23, 18), (outs * groups, ins, 4, 3), padding=1,
                           groups=groups)  # fmt: skip
    monkeypatch.setattr(cutting, "READ_TIMES", -1)
    monkeypatch.setattr(cutting, "cache_bytes", lambda: 0)
    monkeypatch.setattr(by_outputs, "PART_TILES", 7)
    monkeypatch.setattr(cutting, "FEW_PACKED", 1000)
    x, w, g = (
        torch.randn(shape, dtype=dtype)
        for shape in (geometry.input_shape, geometry.weight_shape, geometry.output_shape)
    )
    bias, memory = torch.randn(geometry.out_channels, dtype=dtype), []
    few = cutting.LEAST_FILTERS
    for least, chunk in ((1000, cutting.CHUNK_BYTES), (few, 1 << 16)):
        # Spectra of all filters, then of as few as are ever made at a time.
        monkeypatch.setattr(cutting, "LEAST_FILTERS", least)
        monkeypatch.setattr(cutting, "CHUNK_BYTES", chunk)
        maps = maps_of(geometry, dtype)
        assert maps._learned.cut.by_pairs
        assert maps._turned.cut.by_pairs
        assert maps._filters.cut.by_pairs
        assert not maps._forward.cut.by_pairs
        check(geometry, maps, dtype)
        y, kept = maps.forward_kept(x, w, bias)
        assert not kept
        torch.testing.assert_close(y, maps.forward(x, w, bias), rtol=1e-4, atol=1e-4)
        memory.append(maps._learned._pairs.bytes)
        again = maps.forward_kept(x, w, bias)[0], maps.grad_input(g, w), maps.grad_weight(x, g)
        for one, other in zip(
            again, (y, maps.grad_input(g, w), maps.grad_weight(x, g)), strict=True
        ):
            assert torch.equal(one, other)
    assert memory[1] <= memory[0]
    assert ins <= few or memory[1] < memory[0]


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
        assert maps._forward.cut.by_pairs
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
    assert maps._filters.cut.by_pairs == bool(most)
    check(geometry, maps, torch.float32)


def test_threads_share_the_filters_of_deep_layers_and_work_apart_on_others() -> None:
    torch.set_num_threads(2)
    for channels, size, apart in ((16, 224, True), (64, 56, True), (512, 14, False)):
        case = Correlation.forward(
            Geometry.of((1, channels, size, size), (channels, channels, 3, 3), padding=1)
        )
        found = cutting.cut(case, LENGTH, 4)
        assert found is not None
        assert found.apart == apart
        # A multiple of the threads, so that none waits for the others.
        assert not apart or found.number % 2 == 0
    torch.set_num_threads(1)
    for learned in (False, True):
        found = cutting.cut(case, LENGTH, 4, learned=learned)
        assert found is not None
        assert (found.apart, found.by_pairs) == (not learned, learned)
