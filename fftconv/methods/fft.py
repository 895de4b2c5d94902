"""Whole-plane FFTs: `scipy.signal.fftconvolve`."""

import torch

from fftconv.methods.plane import Array, PlaneMethod


class FFT(PlaneMethod):
    """`scipy.signal.fftconvolve`, every plane transformed for every product that it is in."""

    name = "fft"
    backend = "scipy"
    summary = "scipy.signal.fftconvolve: cost almost independent of the filter's size"
    dtypes = frozenset({torch.float32, torch.float64, torch.complex64, torch.complex128})

    def correlate(self, a: Array, b: Array) -> Array:
        """Correlate: convolve with the flipped filter."""
        from scipy.signal import fftconvolve

        result: Array = fftconvolve(a, b[::-1, ::-1], mode="valid")
        return result

    def convolve_full(self, a: Array, b: Array) -> Array:
        """Convolve to the full size."""
        from scipy.signal import fftconvolve

        result: Array = fftconvolve(a, b, mode="full")
        return result
