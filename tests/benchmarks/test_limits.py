"""The machine's limits: the calls do the work that they are counted for."""

import itertools
import time

import pytest
import torch

from benchmarks import limits


def test_a_copy_moves_the_bytes_that_it_names() -> None:
    call = limits.copy_call(2**14)
    copied = call()
    assert isinstance(copied, torch.Tensor)
    assert copied.nbytes == 2**14
    assert copied.count_nonzero() > 4000


@pytest.mark.parametrize("dtype", limits.DTYPES)
def test_a_product_is_of_two_square_matrices(dtype) -> None:
    product = limits.product_call(dtype, 16)()
    assert isinstance(product, torch.Tensor)
    assert product.dtype == getattr(torch, dtype)
    source = limits.seeded((16, 16), product.dtype)
    torch.testing.assert_close(product, source @ source)


@pytest.mark.parametrize("size", limits.TRANSFORM_SIZES)
def test_small_transforms_come_in_batches(size) -> None:
    spectra = limits.transform_call("float32", size)()
    assert isinstance(spectra, torch.Tensor)
    assert spectra.shape == (limits.transforms(size), size, size // 2 + 1)
    assert limits.transforms(size) == max(1, 512**2 // size**2)


def test_the_fastest_call_counts() -> None:
    naps = itertools.chain([0.05, 0.05], itertools.repeat(0.0))

    def call() -> None:
        time.sleep(next(naps))

    assert limits.fastest_s(call) < 0.04
