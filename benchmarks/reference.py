"""The outputs and gradients that a cell's error is measured against, in float64.

All three are taken from zero-padded Fourier transforms (the convolution theorem), which agree
with the direct sums to about 1e-15 of the largest value and cost as little for a large filter
as for a small one.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.cases import Case, Direction
from benchmarks.operands import Operands

_Image = NDArray[np.float64]


def _correlate(x: _Image, w: _Image, size: int) -> _Image:
    shape = x.shape[0], x.shape[1]
    spectrum = np.fft.rfft2(x) * np.fft.rfft2(w, s=shape).conj()
    result: _Image = np.fft.irfft2(spectrum, s=shape)[:size, :size]
    return result


def _convolve(g: _Image, w: _Image, size: int) -> _Image:
    shape = (size, size)
    result: _Image = np.fft.irfft2(np.fft.rfft2(g, s=shape) * np.fft.rfft2(w, s=shape), s=shape)
    return result


def _float64(tensor: Tensor) -> _Image:
    image: _Image = tensor.detach().double().numpy()
    return image


def reference_output(operands: Operands) -> list[_Image]:
    """Return the output (H - h + 1, W - w + 1), alone in a list."""
    x, w = _float64(operands.input), _float64(operands.layer.filter)
    return [_correlate(x, w, operands.grad_output.shape[0])]


def reference_gradients(operands: Operands) -> list[_Image]:
    """Return the gradients of input (H, W), filter (h, w) and bias (1, 1)."""
    x, w = _float64(operands.input), _float64(operands.layer.filter)
    g = _float64(operands.grad_output)
    return [
        _convolve(g, w, x.shape[0]),
        _correlate(x, g, w.shape[0]),
        g.sum(keepdims=True),
    ]


def error(case: Case, direction: Direction) -> float:
    """Run the cell once and return its relative error."""
    operands = Operands(case)
    if direction == "forward":
        return relative_error([operands.forward()()], reference_output(operands))
    return relative_error(operands.backward()(), reference_gradients(operands))


def relative_error(results: Sequence[Tensor], references: Sequence[_Image]) -> float:
    """Return the largest deviation of any result, relative to its reference's largest value."""
    return max(
        float(np.abs(_float64(result) - reference).max() / np.abs(reference).max())
        for result, reference in zip(results, references, strict=True)
    )
