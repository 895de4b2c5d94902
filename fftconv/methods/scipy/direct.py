"""The definition, term by term: `scipy.signal.correlate2d`."""

import torch

from fftconv.methods.scipy.plane import Array, PlaneMethod


class Direct(PlaneMethod):
    """`scipy.signal.correlate2d`, one thread."""

    name = "direct"
    backend = "scipy"
    summary = "scipy.signal.correlate2d: the definition, one thread, small filters"
    dtypes = frozenset(
        {torch.float32, torch.float64, torch.complex64, torch.complex128, torch.int32, torch.int64}
    )

    def correlate(self, a: Array, b: Array) -> Array:
        """Correlate; scipy conjugates its second operand, torch does not."""
        from scipy.signal import correlate2d

        result: Array = correlate2d(a, b.conj(), mode="valid")
        return result

    def convolve_full(self, a: Array, b: Array) -> Array:
        """Convolve to the full size."""
        from scipy.signal import convolve2d

        result: Array = convolve2d(a, b, mode="full")
        return result
