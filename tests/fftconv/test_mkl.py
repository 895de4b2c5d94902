"""MKL's transforms, called directly, against torch.fft."""

import gc
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from fftconv.methods import mkl

pytestmark = pytest.mark.skipif(
    not mkl.available(), reason="torch brings no MKL for this processor: torch.fft serves"
)
DTYPES = (torch.float32, torch.float64)


def close(got: Tensor, wanted: Tensor) -> None:
    error = float((got - wanted).abs().max() / wanted.abs().max())
    assert got.shape == wanted.shape
    assert error < (1e-13 if wanted.dtype in (torch.float64, torch.complex128) else 1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("fft", [(8, 8), (12, 7), (9, 16), (64, 64), (1, 5), (1, 1)])
def test_there_and_back(fft: tuple[int, int], dtype: torch.dtype) -> None:
    planes = torch.randn(2, 3, 1, 2, *fft, dtype=dtype)
    spectra = mkl.forward(planes, fft)
    close(spectra, torch.fft.rfft2(planes))
    close(mkl.inverse(spectra, fft), planes)


@pytest.mark.parametrize("dtype", DTYPES)
def test_planes_are_read_where_they_lie(dtype: torch.dtype) -> None:
    image = torch.randn(2, 3, 40, 50, dtype=dtype)
    for tiles in (
        image.unfold(2, 16, 8).unfold(3, 12, 9),  # they overlap
        image[:, 1:2].unfold(2, 40, 40).unfold(3, 10, 10),
        image[::2, :, 3:, 5:].unfold(2, 16, 21).unfold(3, 12, 33),
        image.mT.unfold(2, 16, 8).unfold(3, 12, 9),  # no dense rows
        image[:1, :1].expand(4, 3, 40, 50)[..., None, None, :, :],
        image[..., :1, :].expand(2, 3, 40, 50)[..., None, None, :, :],
        image[..., :1].expand(2, 3, 40, 50)[..., None, None, :, :],
        image.contiguous(memory_format=torch.channels_last)[:, :, None, None],
    ):
        before = tiles.clone()
        height, width = tiles.shape[-2:]
        close(mkl.forward(tiles, (height, width)), torch.fft.rfft2(before))
        assert torch.equal(tiles, before)
        close(mkl.forward(tiles, (48, 54)), torch.fft.rfft2(before, s=(48, 54)))


def test_spectra_of_any_layout_come_back() -> None:
    planes = torch.randn(2, 3, 1, 1, 16, 16, dtype=torch.float64)
    spectra = torch.fft.rfft2(planes).transpose(0, 1)
    close(mkl.inverse(spectra, (16, 16)), planes.transpose(0, 1))


def test_from_several_threads_at_once() -> None:
    mkl._many.cache_clear()
    planes = [torch.randn(1, 4, 1, 1, 32, 32, dtype=torch.float64) for _ in range(64)]
    with ThreadPoolExecutor(8) as pool:
        spectra = list(pool.map(lambda plane: mkl.forward(plane, (32, 32)), planes))
    for plane, got in zip(planes, spectra, strict=True):
        close(got, torch.fft.rfft2(plane))


def test_what_was_prepared_is_given_back() -> None:
    mkl._many.cache_clear()
    for size in range(8, 8 + 300):  # more than are kept
        planes = torch.randn(1, 1, 1, 1, 4, size)
        close(mkl.forward(planes, (4, size)), torch.fft.rfft2(planes))
    gc.collect()
    assert mkl._many.cache_info().currsize == 256


def test_a_refusal_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="MKL's Fourier transform failed with status"):
        mkl._check(3)
