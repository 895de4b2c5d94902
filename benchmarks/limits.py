"""What this machine can do at best: the limits that a method's time is held against.

Seconds, so that asv keeps their history and less is better, of work that presses on one resource
alone: copying, multiplying and adding, transforming. The report turns them into bytes and
operations per second. A limit is a bound, so each is the least time of many samples, and of
several ways to do the work, with as many threads as torch uses.
"""

import itertools
import time
from collections.abc import Callable
from functools import partial

import torch

from benchmarks.machine_code import (
    SUMS,
    VECTOR_BYTES,
    copy_work,
    multiply_add_work,
    multiply_adds,
    together_s,
)
from benchmarks.operands import seeded

COPY_BYTES = tuple(4**power for power in range(7, 15))
TRANSFORM_SIZES = (32, 64, 128, 256, 512, 1024, 2048)
DTYPES = ("float32", "float64")
MULTIPLY_ADDS = 10**9
# A sample of each thread takes some milliseconds: short enough to escape what else runs, long
# enough that the threads' start does not count.
_MULTIPLY_ADD_BYTES = 2**27
_COPIED_BYTES = 2**26
_SAMPLES = 100
_LARGE_SAMPLES = 12
# Transforms are measured as many at once as fill so many numbers: a tile is never alone.
_TRANSFORMED_NUMBERS = (2**16, 2**18)
_SEARCH_S = 0.12


def copy_s(size: int) -> float:
    """Return the seconds to copy `size` bytes, shared by all threads, over and over."""
    threads = torch.get_num_threads()
    rounds = max(1, _COPIED_BYTES // size)
    work = partial(copy_work, size // threads, rounds)
    return together_s(work, threads, _SAMPLES if rounds > 1 else _LARGE_SAMPLES) / rounds


def multiply_add_s(dtype: str) -> float:
    """Return the seconds of `MULTIPLY_ADDS` multiply-adds, shared by all threads.

    The fastest width of vectors and number of sums counts: processors differ in both.
    """
    threads = torch.get_num_threads()
    least_s = float("inf")
    for vector_bytes, sums in itertools.product(VECTOR_BYTES, SUMS):
        rounds = _MULTIPLY_ADD_BYTES // (vector_bytes * sums)
        make = partial(multiply_add_work, dtype, vector_bytes, sums, rounds)
        done = threads * multiply_adds(dtype, vector_bytes, sums, rounds)
        least_s = min(least_s, together_s(make, threads, _SAMPLES) * MULTIPLY_ADDS / done)
    return least_s


def transform_calls(dtype: str, size: int) -> list[tuple[Callable[[], torch.Tensor], int]]:
    """Return ways to transform real images of `size` squared, and how many each transforms.

    As a real transform does it, and two images at a time as one complex image; many and few.
    """
    calls: list[tuple[Callable[[], torch.Tensor], int]] = []
    for numbers in _TRANSFORMED_NUMBERS:
        count = max(1, numbers // size**2)
        half = max(1, count // 2)
        images = seeded((2 * half, size, size), getattr(torch, dtype))
        calls.append((partial(torch.fft.rfft2, images[:count]), count))
        calls.append(
            (partial(torch.fft.fft2, torch.complex(images[:half], images[half:])), 2 * half)
        )
    return calls


def transform_s(dtype: str, size: int) -> float:
    """Return the seconds of the transform of one real image, where several are transformed."""
    return min(fastest_s(call) / count for call, count in transform_calls(dtype, size))


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
    version = "2"
    timeout = 120.0
    unit = "seconds"


class Copy(_Limit):
    """Bandwidth, by the number of bytes copied: caches first, then memory."""

    params = (list(COPY_BYTES),)
    param_names = ("bytes",)

    def track_copy(self, size: int) -> float:
        """Seconds to read these bytes and write them elsewhere."""
        return copy_s(size)


class Multiply(_Limit):
    """Multiply-adds of numbers in registers: what no sum of products can be faster than."""

    params = (list(DTYPES),)
    param_names = ("dtype",)

    def track_multiply_add(self, dtype: str) -> float:
        """Seconds of a thousand million multiply-adds."""
        return multiply_add_s(dtype)


class Transform(_Limit):
    """Fourier transforms, by the size of the image or the tile."""

    params = (list(DTYPES), list(TRANSFORM_SIZES))
    param_names = ("dtype", "size")

    def track_rfft2(self, dtype: str, size: int) -> float:
        """Seconds of the real transform of one image, where several are transformed at once."""
        return transform_s(dtype, size)
