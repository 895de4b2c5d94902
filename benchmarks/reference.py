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
from benchmarks.operands import Operands, make_operands

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
    return image.reshape(image.shape[-2:])  # layers of networks have a batch and channels of one


def _output(operands: Operands) -> list[_Image]:
    x, w = _float64(operands.input), _float64(operands.filter)
    return [_correlate(x, w, operands.grad_output.shape[-1])]


def _gradients(operands: Operands) -> list[_Image]:
    x, w = _float64(operands.input), _float64(operands.filter)
    g = _float64(operands.grad_output)
    return [_convolve(g, w, x.shape[0]), _correlate(x, g, w.shape[0])]


def relative_error(results: Sequence[Tensor], references: Sequence[_Image]) -> float:
    """Return the largest deviation of any result, relative to its reference's largest value."""
    return max(
        float(np.abs(_float64(result) - reference).max() / np.abs(reference).max())
        for result, reference in zip(results, references, strict=True)
    )


class Measurement:
    """A cell whose error is about to be measured; making one raises if the cell is skipped."""

    def __init__(self, case: Case, direction: Direction) -> None:
        self._operands = make_operands(case, direction)
        self._direction = direction

    def error(self) -> float:
        """Make the cell's call once and return its relative error."""
        results = self._operands.call(self._direction)()
        references = _output if self._direction == "forward" else _gradients
        expected = references(self._operands)
        # The bias's gradient comes last and is left out: it is one sum, the same for all methods,
        # and its terms cancel so far that an error relative to it means nothing.
        return relative_error(results[: len(expected)], expected)
