"""Whole-plane FFTs: `scipy.signal.fftconvolve`."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from fftconv.methods.scipy.plane import Array, PlaneMethod

_PIXELS_FOR_THREADS = 1024 * 1024
"""From this size of a plane on, a transform in several threads gains more than it costs."""


@contextmanager
def _threads(plane: Array) -> Iterator[None]:
    """Let scipy's transforms of a large plane use torch's number of threads."""
    if plane.size < _PIXELS_FOR_THREADS:
        yield
        return
    from scipy.fft import set_workers

    with set_workers(torch.get_num_threads()):
        yield


class FFT(PlaneMethod):
    """`scipy.signal.fftconvolve`, every plane transformed for every product that it is in."""

    name = "fft"
    backend = "scipy"
    summary = "scipy.signal.fftconvolve: cost almost independent of the filter's size"
    dtypes = frozenset({torch.float32, torch.float64, torch.complex64, torch.complex128})

    def correlate(self, a: Array, b: Array) -> Array:
        """Correlate: convolve with the flipped filter."""
        from scipy.signal import fftconvolve

        with _threads(a):
            result: Array = fftconvolve(a, b[::-1, ::-1], mode="valid")
        return result

    def convolve_full(self, a: Array, b: Array) -> Array:
        """Convolve to the full size."""
        from scipy.signal import fftconvolve

        with _threads(a):
            result: Array = fftconvolve(a, b, mode="full")
        return result
