import ctypes
import weakref
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from fftconv import conv2d
from fftconv.geometry import Geometry
from fftconv.methods.maps import Maps
from fftconv.methods.overlap_save import few_channels, mkl, tiled
from fftconv.methods.overlap_save.choice import tiled as engine_of
from fftconv.methods.overlap_save.few_channels import FewChannels
from fftconv.methods.overlap_save.method import OverlapSave
from fftconv.methods.overlap_save.search import every
from fftconv.methods.overlap_save.tiling import IN_FLIGHT_BYTES, Tiling, good_length
from fftconv.methods.overlap_save.torch_engine import ByTorch


def cut(fft: tuple[int, int], images: int = 1, rows: int = 1) -> Callable[[Geometry, int], Tiling]:
    """Return what cuts every case into transforms of one size."""

    def tiling(geometry: Geometry, item_bytes: int) -> Tiling:
        del item_bytes
        sizes = zip(geometry.output_size, fft, geometry.kernel_size, strict=True)
        height, width = (min(out, n - taps + 1) for out, n, taps in sizes)
        grid = -(-geometry.output_size[0] // height), -(-geometry.output_size[1] // width)
        return Tiling(fft, (height, width), grid, images, rows)

    return tiling


def prepared(subject: OverlapSave, geometry: Geometry, like: Tensor) -> Maps:
    return subject.prepare(geometry, like.dtype, like.device)


def check(subject: OverlapSave, geometry: Geometry, dtype: torch.dtype = torch.float64) -> None:
    """Compare the maps with torch in float64."""
    x, w, g = (
        torch.randn(shape, dtype=torch.float64)
        for shape in (geometry.input_shape, geometry.weight_shape, geometry.output_shape)
    )
    top, bottom, left, right = geometry.padding
    a, b = x.clone().requires_grad_(), w.clone().requires_grad_()
    padded = F.pad(a, (left, right, top, bottom))
    y = F.conv2d(padded, b, None, geometry.stride, 0, geometry.dilation, geometry.groups)
    gx, gw = torch.autograd.grad(y, (a, b), g)
    x, w, g = x.to(dtype), w.to(dtype), g.to(dtype)
    maps = prepared(subject, geometry, x)
    both = maps.grads(g, x, w)
    pairs: list[tuple[str, Tensor | None, Tensor]] = [
        ("forward", maps.forward(x, w), y.detach()),
        ("grad_input", maps.grad_input(g, w), gx),
        ("grad_weight", maps.grad_weight(x, g), gw),
        ("both, input", both[0], gx),
        ("both, weight", both[1], gw),
    ]
    for name, got, wanted in pairs:
        assert got is not None
        assert got.shape == wanted.shape, name
        error = float((got - wanted).abs().max() / wanted.abs().max().clamp_min(1))
        assert error < (1e-13 if dtype == torch.float64 else 2e-5), (name, error, geometry)


# The output ends just before, at, and just after the end of a tile; so do its columns.
@pytest.mark.parametrize("rows", [13, 14, 15, 27, 28, 29])
@pytest.mark.parametrize("kernel", [(3, 3), (3, 5), (1, 1)])
def test_sizes_around_the_tile(rows: int, kernel: tuple[int, int]) -> None:
    fft = (13 + kernel[0], 10 + kernel[1])  # steps of 14 and 11
    for columns, padding, in_flight in product((11, 22, 23), (0, 1), (1, 2, 5)):
        size = rows + kernel[0] - 1, columns + kernel[1] - 1
        geometry = Geometry.of((2, 1, *size), (1, 1, *kernel), padding=padding)
        check(OverlapSave(cut(fft, images=in_flight, rows=in_flight)), geometry)


@pytest.mark.parametrize("kernel", [(16, 16), (16, 3), (3, 16), (15, 15)])
def test_filter_as_large_as_the_tile(kernel: tuple[int, int]) -> None:
    geometry = Geometry.of((1, 2, 24, 20), (2, 1, *kernel), padding=2, groups=2)
    check(OverlapSave(cut((16, 16), rows=3)), geometry)


def test_channels_groups_batch() -> None:
    for groups, per_in, per_out in product((1, 2), (1, 3), (1, 2)):
        geometry = Geometry.of(
            (3, groups * per_in, 30, 41), (groups * per_out, per_in, 4, 5), 1, (1, 2), 1, groups
        )
        for images, rows in ((1, 1), (2, 2), (3, 9)):
            check(OverlapSave(cut((16, 12), images, rows)), geometry)


def test_every_candidate() -> None:
    for size, kernel, padding in (
        ((70, 150), (9, 4), 0), ((90, 64), (31, 33), (15, 16)), ((40, 40), (5, 5), (9, 12)),
    ):  # fmt: skip
        geometry = Geometry.of((1, 1, *size), (1, 1, *kernel), padding=padding)
        for tiling in every(geometry, 8, engine_of(geometry, on_cpu=True).numbers):
            check(OverlapSave(lambda *_, tiling=tiling: tiling), geometry)


def test_stride_and_dilation_with_the_models_tiles() -> None:
    for stride, dilation in ((2, 1), (1, 3), ((3, 2), (2, 4))):
        geometry = Geometry.of((1, 2, 90, 101), (2, 2, 7, 8), stride, (3, 5), dilation)
        check(OverlapSave(), geometry, torch.float32)


@pytest.fixture
def by_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make torch's operations serve, as on a GPU or a processor that torch has no MKL for."""
    monkeypatch.setattr(tiled, "obstacle", lambda: "needs numba")


@pytest.mark.usefixtures("by_torch")
def test_by_torchs_operations() -> None:
    for rows in (13, 14, 15, 27):
        test_sizes_around_the_tile(rows, (3, 5))
    test_channels_groups_batch()
    test_every_candidate()
    test_operands_of_any_layout()
    test_kept_spectra_serve_backward(groups=4, fft=(32, 32))


def test_passes_serve_where_there_is_mkl() -> None:
    geometry = Geometry.of((1, 4, 20, 20), (4, 4, 3, 3))
    assert isinstance(engine_of(geometry, on_cpu=True), FewChannels) == mkl.available()
    assert isinstance(engine_of(geometry, on_cpu=False), ByTorch)


def test_many_channels() -> None:
    geometry = Geometry.of((2, 17, 20, 20), (18, 17, 3, 3), padding=1)
    assert isinstance(engine_of(geometry, on_cpu=True), ByTorch)
    check(OverlapSave(cut((12, 16), 2, 2)), geometry)


@pytest.mark.parametrize("channels", [(1, 97), (97, 1), (16, 40), (33, 3)])
@pytest.mark.parametrize("groups", [1, 2])
def test_few_channels_to_many_and_many_to_few(channels: tuple[int, int], groups: int) -> None:
    ins, outs = channels
    geometry = Geometry.of(
        (2, groups * ins, 21, 30), (groups * outs, ins, 9, 7), padding=3, groups=groups
    )
    assert isinstance(engine_of(geometry, on_cpu=True), FewChannels) == mkl.available()
    check(OverlapSave(cut((16, 24), 2, 2)), geometry)


def test_the_number_of_threads_does_not_change_the_result() -> None:
    geometry = Geometry.of((3, 2, 300, 200), (4, 2, 15, 20), padding=3)
    x, w, g = (
        torch.randn(shape)
        for shape in (geometry.input_shape, geometry.weight_shape, geometry.output_shape)
    )
    subject, before = OverlapSave(cut((64, 96))), torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            maps = prepared(subject, geometry, x)
            results.append((maps.forward(x, w), *maps.grads(g, x, w)))
    finally:
        torch.set_num_threads(before)
    for result in results[1:]:
        for got, wanted in zip(result, results[0], strict=True):
            assert got is not None
            assert wanted is not None
            assert torch.equal(got, wanted)


@pytest.mark.skipif(not mkl.available(), reason="torch brings no MKL for this processor")
def test_a_failed_transform_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    function = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    failing = function(lambda handle, plane: 3)
    geometry = Geometry.of((1, 1, 20, 20), (1, 1, 3, 3))
    ready = mkl.Transforms((20, 20), torch.float32)
    ready.there = ctypes.cast(failing, ctypes.c_void_p).value or 0
    monkeypatch.setattr(mkl, "transforms", lambda *_: ready)
    passes = few_channels.Passes(geometry, cut((20, 20))(geometry, 4), torch.float32)
    with pytest.raises(RuntimeError, match="MKL's Fourier transform failed with status 3"):
        passes.weight_spectra(torch.randn(1, 1, 3, 3))


def test_operands_of_any_layout() -> None:
    """Planes that are not dense, and numbers whose sign is only noted down, are read right."""
    geometry = Geometry.of((2, 3, 40, 33), (3, 1, 7, 5), padding=(2, 1), groups=3)
    x, w, g = (
        torch.randn(shape, dtype=torch.complex128)
        for shape in (geometry.input_shape, geometry.weight_shape, geometry.output_shape)
    )
    # The imaginary part of a conjugate is a view with every second number and the sign pending.
    x, w, g = x.conj().imag, w.conj().imag, g.conj().imag
    channels_last = x.contiguous(memory_format=torch.channels_last)
    for fft in ((16, 16), (48, 40)):
        maps = prepared(OverlapSave(cut(fft, 2, 2)), geometry, x)
        wanted = F.conv2d(x.clone(), w.clone(), padding=(2, 1), groups=3)
        for image in (x, channels_last, x.mT.contiguous().mT):
            torch.testing.assert_close(maps.forward(image, w), wanted)
        gx, gw = maps.grads(g, x, w)
        assert gx is not None
        assert gw is not None
        torch.testing.assert_close((gx * x).sum(), (wanted * g).sum())
        torch.testing.assert_close((gw * w).sum(), (wanted * g).sum())


def test_memory_does_not_grow_with_the_image() -> None:
    for size in (1024, 4096, 16384):
        geometry = Geometry.of((4, 8, size, size), (8, 1, 31, 31), groups=8)
        for tiling in every(geometry, 4, engine_of(geometry, on_cpu=True).numbers):
            tiles = tiling.images * tiling.rows * tiling.grid[1]
            row = 2 * 4 * tiling.spectrum * tiling.grid[1] * 16
            assert tiles * 2 * 4 * tiling.spectrum * 16 <= max(IN_FLIGHT_BYTES, row)


def test_good_length() -> None:
    assert [good_length(n) for n in (1, 63, 65, 1025, 5000)] == [1, 64, 72, 1152, 5120]


@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("fft", [(64, 64), (32, 32), (16, 16), (12, 12)])
def test_kept_spectra_serve_backward(groups: int, fft: tuple[int, int]) -> None:
    geometry = Geometry.of((2, 4, 50, 50), (4, 4 // groups, 9, 9), padding=2, groups=groups)
    x, w, g, bias = (
        torch.randn(shape, dtype=torch.float64)
        for shape in (geometry.input_shape, geometry.weight_shape, geometry.output_shape, (4,))
    )
    maps = prepared(OverlapSave(cut(fft, 2, 2)), geometry, x)
    y, kept = maps.forward_kept(x, w, bias)
    wanted = maps.grads(g, x, w)
    if maps.keeps:
        # Neither the input nor the weight is looked at again; twice, as a kept graph may ask.
        for _ in range(2):
            got = maps.grads(g, x * torch.nan, w * torch.nan, kept=kept)
            torch.testing.assert_close(got, wanted)
    assert maps.keeps == (fft != (12, 12))  # where the halos make the spectra too large
    torch.testing.assert_close(maps.grads(g, x, w), wanted)
    torch.testing.assert_close(y, maps.forward(x, w, bias))


def test_kept_spectra_live_as_long_as_the_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[weakref.ref[Tensor]] = []
    places: list[int] = []
    forward, backward = few_channels.Passes.forward, few_channels.Passes.backward

    def watched(self: few_channels.Passes, *operands: Any) -> tuple[Tensor, tuple[Tensor, ...]]:
        y, kept = forward(self, *operands)
        seen.extend(map(weakref.ref, kept))
        places.extend(signals.data_ptr() for signals in kept)
        return y, kept

    def checked(self: few_channels.Passes, g: Tensor, x: Any, spectra: Any, kept: Any) -> Any:
        (signals,) = kept
        assert signals.data_ptr() == places[-1], "the input is transformed once"
        return backward(self, g, x, spectra, kept)

    monkeypatch.setattr(few_channels.Passes, "forward", watched)
    monkeypatch.setattr(few_channels.Passes, "backward", checked)
    x, w = torch.randn(1, 1, 64, 64, requires_grad=True), torch.randn(1, 1, 9, 9)
    w.requires_grad_()
    conv2d(x, w, method="overlap_save").sum().backward()
    assert len(seen) == 1
    assert seen[0]() is None
    y = conv2d(x, w, method="overlap_save")
    assert seen[1]() is not None
    del y
    assert seen[1]() is None
    with torch.no_grad():
        conv2d(x, w, method="overlap_save")
    assert len(seen) == 2, "without gradients nothing is kept"
    y = conv2d(x, w, method="overlap_save")
    with torch.no_grad():
        x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_weight_spectrum_follows_the_weight() -> None:
    geometry = Geometry.of((1, 1, 50, 50), (1, 1, 9, 9))
    subject = OverlapSave(cut((32, 32)))
    x, w = torch.randn(1, 1, 50, 50), torch.randn(1, 1, 9, 9)
    maps = prepared(subject, geometry, x)
    _, (first_spectra, *_) = maps.forward_kept(x, w, None)
    first = maps.forward(x, w)
    # Other maps for the same case use the same spectra.
    _, (again, *_) = prepared(subject, geometry, x).forward_kept(x, w, None)
    assert again is first_spectra
    w.mul_(2)
    torch.testing.assert_close(maps.forward(x, w), 2 * first)
    w.data[0, 0, 0, 0] += 1  # no version counter sees this
    assert not torch.allclose(maps.forward(x, w), 2 * first)
