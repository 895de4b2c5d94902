"""`correlate` and `convolve` are scipy.ndimage's."""

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.ndimage
import torch

import fftconv.dask
from fftconv.dask.ndimage import MODES

BOTH = pytest.mark.parametrize("name", ["correlate", "convolve"])


def both(name: str, image: np.ndarray, weights: np.ndarray, **options: object) -> None:
    expected = getattr(scipy.ndimage, name)(image, weights, **options)
    chunks = (11,) * 2 if image.ndim == 2 else (2, 11, 11)
    lazy = getattr(fftconv.dask, name)(da.from_array(image, chunks=chunks), weights, **options)
    actual = lazy.compute()
    assert lazy.dtype == actual.dtype == expected.dtype.newbyteorder("=")
    if image.dtype == bool and expected.dtype == bool:  # scipy's bytes, which may be others than 1
        np.testing.assert_array_equal(actual, expected.view("u1") != 0)
    elif expected.dtype.kind in "iu" or not expected.size:
        np.testing.assert_array_equal(actual, expected)
    else:
        close = 1e-6 if actual.dtype.itemsize // (1 + (actual.dtype.kind == "c")) == 4 else 1e-12
        largest = np.abs(expected).max()
        np.testing.assert_allclose(actual, expected, rtol=0, atol=close * largest)


def image(dtype: str, *shape: int) -> np.ndarray:
    return (np.random.default_rng(0).standard_normal(shape) * 20 + 80).astype(dtype)


def weights(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).random(shape) / np.prod(shape)


@BOTH
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(3, 3), (4, 6), (40, 9)])
def test_every_mode_is_scipys_for_filters_of_any_size(name, mode, size) -> None:
    both(name, image("f8", 30, 37), weights(*size), mode=mode, cval=3.5)


@BOTH
@pytest.mark.parametrize("origin", [-1, 1, (1, -2)])
@pytest.mark.parametrize("size", [(4, 5), (5, 4)])
def test_an_origin_moves_the_filter_as_scipys_does(name, size, origin) -> None:
    both(name, image("f8", 20, 21), weights(*size), origin=origin)


@BOTH
@pytest.mark.parametrize("dtype", ["f4", "c8", ">f4", "u1", "u2", "i2", "i8"])
def test_the_result_has_the_images_dtype(name, dtype) -> None:
    both(name, image(dtype, 30, 25), weights(3, 4))


def test_whole_numbers_are_cut_off_where_sums_are_exact() -> None:
    """A mean of equal numbers is that number, whatever a transform makes of it."""
    flat = np.full((64, 64), 200, "u1")
    made = fftconv.dask.correlate(da.from_array(flat, chunks=32), np.full((5, 5), 0.04))
    np.testing.assert_array_equal(made.compute(), flat)
    made = fftconv.dask.correlate(
        da.from_array(flat, chunks=32), np.full((32, 32), 2.0**-10), method="fft"
    )
    np.testing.assert_array_equal(made.compute(), flat)


@pytest.mark.parametrize("dtype", ["i8", "u8"])
def test_large_whole_numbers_are_what_they_were(dtype) -> None:
    values = np.random.default_rng(0).integers(0, 2**45, (40, 50)).astype(dtype)
    filtered = fftconv.dask.correlate(da.from_array(values, chunks=16), np.ones((1, 1)))
    np.testing.assert_array_equal(filtered.compute(), values)
    spike = np.zeros((9, 9), dtype)
    spike[0, 0] = 10**12
    filtered = fftconv.dask.correlate(da.from_array(spike, chunks=4), weights(3, 3) * 0 + 1)
    np.testing.assert_array_equal(
        filtered.compute(), scipy.ndimage.correlate(spike, np.ones((3, 3)))
    )


def test_means_of_whole_numbers_are_cut_off_alike_however_large_they_are() -> None:
    values = np.random.default_rng(0).integers(0, 2**31, (60, 60))
    third = np.full((3, 3), 1 / 9)
    filtered = fftconv.dask.correlate(da.from_array(values, chunks=25), third).compute()
    sums = scipy.ndimage.correlate(values, np.ones((3, 3), int))
    np.testing.assert_array_equal(filtered, sums // 9)


@BOTH
@pytest.mark.parametrize("dtype", ["f4", "c8", "c16"])
def test_complex_weights_make_the_result_complex(name, dtype) -> None:
    turned = weights(3, 4) * (1 + 2j) + 0.3j
    both(name, image(dtype, 20, 21), turned, mode="constant", cval=2.5)


@BOTH
@pytest.mark.parametrize("dtype", ["?", "u1", "i2", "i4", "u8", "f4", "f8", "c8"])
@pytest.mark.parametrize("of_weights", ["c8", "c16"])
def test_the_result_of_complex_weights_has_scipys_dtype(name, dtype, of_weights) -> None:
    turned = (weights(3, 4) * (1 + 2j) + 0.3j).astype(of_weights)
    pixels = image("f8", 20, 21) > 80 if dtype == "?" else image(dtype, 20, 21)
    both(name, pixels, turned, mode="constant", cval=2)


@BOTH
@pytest.mark.parametrize(
    "given", [weights(3, 4), weights(3, 4) * 12 - 0.4, np.ones((16, 16)), -np.ones((2, 2), "i4")]
)
@pytest.mark.parametrize("mode", ["reflect", "constant"])
def test_truths_are_bytes_as_to_scipy(name, given, mode) -> None:
    both(name, image("f8", 30, 25) > 60, given, mode=mode, cval=1.5)


@BOTH
@pytest.mark.parametrize("shape", [(0, 8), (8, 0), (0, 0), (2, 0, 8), (0, 8, 8)])
@pytest.mark.parametrize("dtype", ["f4", "u1", "?"])
@pytest.mark.parametrize("of_weights", ["f8", "c8"])
def test_no_image_gives_no_image(name, shape, dtype, of_weights) -> None:
    kernel = weights(*(1,) * (len(shape) - 2), 3, 3).astype(of_weights)
    both(name, np.zeros(shape, dtype), kernel)


@BOTH
@pytest.mark.parametrize("dtype", ["O", "M8[s]", "g", "S1", [("a", "f4")]])
def test_a_dtype_is_refused_at_once_as_by_scipy(name, dtype) -> None:
    pixels = np.zeros((9, 9), dtype)
    with pytest.raises((TypeError, RuntimeError)) as scipys:
        getattr(scipy.ndimage, name)(pixels, weights(3, 3))
    with pytest.raises(scipys.type, match="image must be of numbers") as raised:
        getattr(fftconv.dask, name)(da.from_array(pixels, chunks=4), weights(3, 3))
    assert "\n" not in str(raised.value)


@BOTH
def test_the_images_of_a_stack_are_filtered_each_by_itself(name) -> None:
    both(name, image("f4", 3, 30, 25), weights(1, 4, 5))
    stack, plane = image("f4", 3, 30, 25), weights(4, 5)
    made = getattr(fftconv.dask, name)(da.from_array(stack, chunks=(2, 9, 9)), plane)
    each = [getattr(scipy.ndimage, name)(one, plane) for one in stack]
    np.testing.assert_allclose(made.compute(), each, rtol=1e-5)


@pytest.mark.parametrize(
    "given", [torch.from_numpy, lambda w: da.from_array(w, chunks=2)], ids=["torch", "dask"]
)
def test_weights_may_be_of_torch_or_dask(given) -> None:
    x, w = image("f8", 20, 20), weights(5, 4)
    made = fftconv.dask.convolve(da.from_array(x, chunks=9), given(w))
    np.testing.assert_allclose(made.compute(), scipy.ndimage.convolve(x, w), rtol=1e-12)


LAZY = da.zeros((20, 20), chunks=10, dtype="f4")
UNKNOWN = LAZY[LAZY[:, 0] > 0]


@pytest.mark.parametrize(
    ("arguments", "options", "error", "says"),
    [
        ((np.zeros((20, 20)), weights(3, 3)), {}, TypeError, "image must be a dask array"),
        ((LAZY[0], weights(3, 3)), {}, RuntimeError, "image must have 2 dimensions"),
        ((LAZY[:0], weights(3, 3)), {"method": "fastest"}, ValueError, "fastest"),
        ((LAZY[:0], weights(3, 3)), {"origin": 2}, ValueError, "origin must lie within"),
        ((LAZY, [[1.0]]), {}, TypeError, "weights must be an array"),
        ((LAZY, weights(3)), {}, RuntimeError, "weights must have 2 dimensions"),
        ((LAZY, weights(0, 3)), {}, RuntimeError, "at least one number"),
        ((LAZY, weights(3, 3).astype("U")), {}, TypeError, "weights must be numbers"),
        ((LAZY[None], weights(3, 3, 3)), {}, NotImplementedError, "one plane"),
        ((LAZY, weights(3, 3)), {"mode": "zeros"}, RuntimeError, "mode must be one of reflect"),
        ((LAZY, weights(3, 3)), {"origin": 2}, ValueError, "origin must lie within the weights"),
        ((LAZY, weights(3, 3)), {"method": "fastest"}, ValueError, "fastest"),
        ((LAZY, weights(3, 3)), {"mode": ["reflect"]}, RuntimeError, "mode must be one of reflect"),
        ((LAZY, weights(3, 3)), {"cval": "0"}, TypeError, "cval must be a number, got str"),
        ((LAZY, weights(3, 3)), {"cval": 1j}, TypeError, "cval must be real"),
        ((LAZY, weights(3, 3) + 0j), {"cval": 1j}, ValueError, "cval must be real"),
        ((LAZY, weights(3, 3)), {"chunks": 0}, ValueError, "chunks must be positive, got 0"),
        ((dask.delayed(np.ones)((9, 9)), weights(3, 3)), {}, TypeError, "got Delayed"),
        ((LAZY, UNKNOWN), {}, ValueError, "weights must have a known shape"),
    ],
)
def test_mistakes_are_named_at_once(arguments, options, error, says) -> None:
    with pytest.raises(error, match=says) as raised:
        fftconv.dask.correlate(*arguments, **options)
    assert "\n" not in str(raised.value)
