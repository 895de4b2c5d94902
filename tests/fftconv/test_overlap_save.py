from collections.abc import Callable
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from fftconv.geometry import Geometry
from fftconv.methods.overlap_save import KEPT_BYTES, OverlapSave, WeightSpectra
from fftconv.methods.tiling import IN_FLIGHT_BYTES, Tiling, candidates, good_length


def cut(fft: tuple[int, int], images: int = 1, rows: int = 1) -> Callable[[Geometry, int], Tiling]:
    """Return what cuts every case into transforms of one size."""

    def tiling(geometry: Geometry, item_bytes: int) -> Tiling:
        del item_bytes
        sizes = zip(geometry.output_size, fft, geometry.kernel_size, strict=True)
        height, width = (min(out, n - taps + 1) for out, n, taps in sizes)
        grid = -(-geometry.output_size[0] // height), -(-geometry.output_size[1] // width)
        return Tiling(fft, (height, width), grid, images, rows)

    return tiling


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
    both = subject.grads(g, x, w, geometry, True, True)
    pairs: list[tuple[str, Tensor | None, Tensor]] = [
        ("forward", subject.forward(x, w, geometry), y.detach()),
        ("grad_input", subject.grad_input(g, w, geometry), gx),
        ("grad_weight", subject.grad_weight(x, g, geometry), gw),
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
        for tiling in candidates(geometry, 8):
            check(OverlapSave(lambda *_, tiling=tiling: tiling), geometry)


def test_stride_and_dilation_with_the_models_tiles() -> None:
    for stride, dilation in ((2, 1), (1, 3), ((3, 2), (2, 4))):
        geometry = Geometry.of((1, 2, 90, 101), (2, 2, 7, 8), stride, (3, 5), dilation)
        check(OverlapSave(), geometry, torch.float32)


def test_memory_does_not_grow_with_the_image() -> None:
    for size in (1024, 4096, 16384):
        geometry = Geometry.of((4, 8, size, size), (8, 1, 31, 31), groups=8)
        for tiling in candidates(geometry, 4):
            tiles = tiling.images * tiling.rows * tiling.grid[1]
            row = 2 * 4 * tiling.spectrum * tiling.grid[1] * 16
            assert tiles * 2 * 4 * tiling.spectrum * 16 <= max(IN_FLIGHT_BYTES, row)


def test_weight_spectrum_follows_the_weight() -> None:
    geometry = Geometry.of((1, 1, 50, 50), (1, 1, 9, 9))
    subject = OverlapSave(cut((32, 32)))
    x, w = torch.randn(1, 1, 50, 50), torch.nn.Parameter(torch.randn(1, 1, 9, 9))
    tiling = subject.tiling(geometry, 4)
    first = subject.forward(x, w.detach(), geometry)
    kept = subject._weights.get(w.detach(), tiling)
    assert subject._weights.get(w.detach(), tiling) is kept
    assert torch.equal(subject.forward(x, w.detach(), geometry), first)
    with torch.no_grad():
        w.mul_(2)
    torch.testing.assert_close(subject.forward(x, w.detach(), geometry), 2 * first)
    w.data[0, 0, 0, 0] += 1  # no version counter sees this
    assert not torch.allclose(subject.forward(x, w.detach(), geometry), 2 * first)


def test_kept_spectra_are_bounded() -> None:
    spectra = WeightSpectra()
    tiling = Tiling((512, 512), (1, 1), (1, 1), 1, 1)
    weights = [torch.randn(8, 1, 3, 3) for _ in range(12)]  # 8 MiB each
    for w in weights:
        spectra.get(w, tiling)
        assert 0 < spectra._bytes <= KEPT_BYTES
    assert spectra.get(weights[-1], tiling) is spectra.get(weights[-1], tiling)
    large = torch.randn(80, 1, 3, 3)
    assert spectra.get(large, tiling) is not spectra.get(large, tiling)


def test_good_length() -> None:
    assert [good_length(n) for n in (1, 63, 65, 1025, 5000)] == [8, 64, 72, 1152, 5120]
