"""MKL's transforms, called by address, against torch.fft."""

import ctypes
import gc
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

import fftconv
from fftconv.methods.overlap_save import mkl

pytestmark = pytest.mark.skipif(
    not mkl.available(), reason="torch brings no MKL for this processor: torch.fft serves"
)
DTYPES = (torch.float32, torch.float64)
CALL = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)


def close(got: Tensor, wanted: Tensor) -> None:
    error = float((got - wanted).abs().max() / wanted.abs().max())
    assert got.shape == wanted.shape
    assert error < (1e-13 if wanted.dtype in (torch.float64, torch.complex128) else 1e-5)


def there_and_back(plane: Tensor, fft: tuple[int, int]) -> None:
    ready = mkl.transforms(fft, plane.dtype)
    place = plane.new_full((fft[0], ready.row), torch.nan)
    place[:, : fft[1]] = plane
    assert CALL(ready.there)(ready.handle, place.data_ptr()) == 0
    spectrum = torch.view_as_complex(place.unflatten(1, (-1, 2)))[:, : fft[1] // 2 + 1]
    close(spectrum, torch.fft.rfft2(plane))
    assert CALL(ready.back)(ready.handle_back, place.data_ptr()) == 0
    close(place[:, : fft[1]], plane)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("fft", [(8, 8), (12, 7), (9, 16), (64, 64), (288, 512), (1, 5), (1, 1)])
def test_there_and_back(fft: tuple[int, int], dtype: torch.dtype) -> None:
    there_and_back(torch.randn(fft, dtype=dtype), fft)


def test_rows_start_where_vectors_do() -> None:
    for dtype, width in ((torch.float32, 62), (torch.float64, 64), (torch.float32, 1)):
        ready = mkl.transforms((4, width), dtype)
        assert ready.row * dtype.itemsize % 64 == 0
        assert width + 2 <= ready.row + width % 2


def test_from_several_threads_at_once() -> None:
    planes = [torch.randn(32, 32, dtype=torch.float64) for _ in range(64)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda plane: there_and_back(plane, (32, 32)), planes))


def test_what_was_prepared_is_given_back() -> None:
    mkl.transforms.cache_clear()
    for size in range(8, 8 + 300):  # more than are kept
        there_and_back(torch.randn(4, size), (4, size))
    gc.collect()
    assert mkl.transforms.cache_info().currsize == 256


def test_a_refusal_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="MKL's Fourier transform failed with status"):
        mkl.check(3)


@pytest.mark.parametrize("flushes", [False, True])
def test_a_transform_leaves_the_processors_rounding_as_it_was(flushes: bool) -> None:
    x, w = torch.randn(1, 1, 64, 64), torch.randn(1, 1, 15, 15)
    tiny = torch.full((4,), 1e-40)
    torch.set_flush_denormal(flushes)
    try:
        y = fftconv.conv2d(x, w, method="overlap_save")
        kept = tiny * 1.0
    finally:
        torch.set_flush_denormal(False)
    assert bool(kept.any()) is not flushes
    torch.testing.assert_close(y, torch.nn.functional.conv2d(x, w), rtol=1e-3, atol=1e-3)
