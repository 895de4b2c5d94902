"""What is done between two passes: how it is shared out, and where its product goes."""

import pytest
import torch
import torch.nn.functional as F

from fftconv.geometry import Geometry
from fftconv.machine_code import winograd
from fftconv.machine_code.vectors import VECTOR_BYTES
from fftconv.methods.overlap_save.many_channels import cutting
from fftconv.methods.overlap_save.many_channels.correlation import Correlation
from fftconv.methods.overlap_save.many_channels.lengths import Lengths
from fftconv.methods.overlap_save.many_channels.maps import ManyChannelsMaps
from fftconv.methods.overlap_save.weight_spectra import WeightSpectra


def cut_of(channels: int, size: int, length: int = winograd.LENGTH) -> cutting.Cut:
    geometry = Geometry.of((1, channels, size, size), (channels, channels, 3, 3), padding=1)
    found = cutting.cut(Correlation.forward(geometry), length, 4)
    assert found is not None
    return found


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("channels", "size"), [(64, 112), (16, 224), (64, 53), (100, 30)])
def test_chunks_are_even_and_all_of_the_tiles_once(channels: int, size: int, threads: int) -> None:
    torch.set_num_threads(threads)
    found = cut_of(channels, size)
    chunks = found.chunks()
    assert len(chunks) == found.number
    units = [units for _, units, _, _ in chunks]
    assert max(units) - min(units) <= 1
    assert max(units) == found.units
    assert max(tiles for *_, tiles in chunks) <= found.most_tiles
    follows = unit_follows = 0
    for unit, many, tile, tiles in chunks:
        assert (unit, tile) == (unit_follows, follows)
        unit_follows, follows = unit + many, tile + tiles
    assert (unit_follows, follows) == (found.all_units, found.grid[0] * found.grid[1])
    assert not found.apart or found.number % threads == 0


def test_spectra_of_a_chunk_leave_room_in_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(cutting, "SPECTRA_SHARE", 1)
    whole = cut_of(16, 224).most_tiles
    monkeypatch.setattr(cutting, "SPECTRA_SHARE", 4)
    assert cut_of(16, 224).most_tiles < whole / 2


@pytest.mark.parametrize("channels", [(6, 32), (15, 16), (17, 7), (32, 32), (31, 20), (33, 9)])
@pytest.mark.parametrize("images", [1, 3])
def test_products_in_place_of_their_factors(channels: tuple[int, int], images: int) -> None:
    """Of one pair of vectors nothing is packed, whether or not sums are made in parts."""
    ins, outs = channels
    if VECTOR_BYTES < 64:
        ins, outs = max(6, ins // 2), max(6, outs // 2)
    geometry = Geometry.of((images, ins, 13, 18), (outs, ins, 3, 3), padding=1)
    maps = ManyChannelsMaps(
        geometry, Lengths(*[winograd.LENGTH] * 4), torch.float32, WeightSpectra()
    )
    x, w = torch.randn(geometry.input_shape), torch.randn(geometry.weight_shape)
    bias, g = torch.randn(outs), torch.randn(geometry.output_shape)
    exact = [tensor.double() for tensor in (x, w, bias)]
    gx = torch.nn.grad.conv2d_input(geometry.input_shape, exact[1], g.double(), padding=1)
    for found, expected in (
        (maps.forward(x, w, bias), F.conv2d(*exact, padding=1)), (maps.grad_input(g, w), gx),
    ):  # fmt: skip
        torch.testing.assert_close(found.double(), expected, atol=2e-4, rtol=1e-5)


@pytest.mark.parametrize("channels", [8, 16, 24, 48, 80])
def test_rows_of_spectra_are_whole_vectors(channels: int) -> None:
    row = cutting.row_bytes(channels, 4, 64)
    assert row % 64 == 0
    assert channels * 4 <= row < channels * 4 + 64
