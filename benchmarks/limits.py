"""What this machine can do at best: the limits that a method's time is held against.

Seconds, so that asv keeps their history and less is better, of work that presses on one resource
alone: copying, multiplying and adding, transforming. The report turns them into bytes and
operations per second.
"""

import time
from collections.abc import Callable
from functools import partial

import torch

from benchmarks.operands import seeded

COPY_BYTES = (2**14, 2**17, 2**20, 2**23, 2**26, 2**28)
PRODUCT_SIZE = 2048
TRANSFORM_SIZES = (32, 64, 128, 256, 512, 1024, 2048)
DTYPES = ("float32", "float64")
# Small transforms are measured as many at once as fill this many numbers: a tile is never alone.
_TRANSFORMED_NUMBERS = 512**2
_SEARCH_S = 0.3


def copy_call(size: int) -> Callable[[], object]:
    """Return a call that copies `size` bytes from one place to another."""
    source = seeded((size // 4,), torch.float32)
    target = torch.empty_like(source)
    return partial(target.copy_, source)


def product_call(dtype: str, size: int) -> Callable[[], object]:
    """Return a call that multiplies two matrices of `size` squared numbers."""
    matrix = seeded((size, size), getattr(torch, dtype))
    return partial(torch.mm, matrix, matrix.clone(), out=torch.empty_like(matrix))


def transform_call(dtype: str, size: int) -> Callable[[], object]:
    """Return a call that transforms `transforms(size)` real images of `size` squared."""
    images = seeded((transforms(size), size, size), getattr(torch, dtype))
    return partial(torch.fft.rfft2, images)


def transforms(size: int) -> int:
    """Return how many images of `size` squared one call transforms."""
    return max(1, _TRANSFORMED_NUMBERS // size**2)


def fastest_s(call: Callable[[], object]) -> float:
    """Return the seconds of the fastest call: what disturbs a call is no limit of the machine."""
    call()
    fastest = float("inf")
    end = time.perf_counter() + _SEARCH_S
    while True:
        start = time.perf_counter()
        call()
        now = time.perf_counter()
        fastest = min(fastest, now - start)
        if now > end:
            return fastest


class _Limit:
    version = "1"
    timeout = 120.0
    unit = "seconds"


class Copy(_Limit):
    """Bandwidth, by the number of bytes copied: caches first, then memory."""

    params = (list(COPY_BYTES),)
    param_names = ("bytes",)

    def track_copy(self, size: int) -> float:
        """Seconds to read these bytes and write them elsewhere."""
        return fastest_s(copy_call(size))


class Multiply(_Limit):
    """Multiply-adds, in the densest work there is."""

    params = (list(DTYPES), [PRODUCT_SIZE])
    param_names = ("dtype", "size")

    def track_product(self, dtype: str, size: int) -> float:
        """Seconds of one product of two square matrices: size cubed multiply-adds."""
        return fastest_s(product_call(dtype, size))


class Transform(_Limit):
    """Fourier transforms, by the size of the image or the tile."""

    params = (list(DTYPES), list(TRANSFORM_SIZES))
    param_names = ("dtype", "size")

    def track_rfft2(self, dtype: str, size: int) -> float:
        """Seconds of the real transform of one image, where many are transformed at once."""
        return fastest_s(transform_call(dtype, size)) / transforms(size)
