"""The tutorial's parameter-free layer: the magnitude of a Fourier transform."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from fftconv.tutorial.exchange import apply, check_tensor, to_numpy


def _check_image(layer: str, x: object, *, cpu: bool) -> None:
    x = check_tensor(layer, "input", x, cpu=cpu)
    if x.dim() < 2 or 0 in x.shape[-2:]:
        raise RuntimeError(
            f"{layer}: input must have shape (..., H, W) with H and W at least 1, "
            f"got {tuple(x.shape)}"
        )


class BadFFTFunction(Function):
    """``|rfft2(x)|`` by numpy, with the tutorial's wrong gradient.

    The backward pass returns ``irfft2(grad_output)``. That is not the derivative: it forgets
    the factor ``X / |X|`` of the magnitude, it divides by ``H * W`` where the adjoint of an
    unnormalised transform does not, and it counts the columns that a real transform leaves
    out twice. The tutorial wants a layer "that does not do anything useful or mathematically
    correct", and the cost of such a layer is what it is here for. See `fft_magnitude`.

    `incorrect_fft` is the same as a function. `BadFFTFunction.apply(x)` takes and returns what
    it does.
    """

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        """Return ``|rfft2(x)|`` over the last two dimensions."""
        _check_image("incorrect_fft", x, cpu=True)
        return torch.as_tensor(np.abs(np.fft.rfft2(to_numpy(x))), dtype=x.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        """Keep the size of the image: an odd width cannot be told from the spectrum."""
        ctx.image_size = tuple(inputs[0].shape[-2:])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        """Return ``irfft2(grad_output)``, wrong on purpose."""
        result = np.fft.irfft2(to_numpy(grad_output), s=ctx.image_size)
        return torch.as_tensor(result, dtype=grad_output.dtype)


def incorrect_fft(input: Tensor) -> Tensor:
    """Magnitude of the real 2-D Fourier transform, with a gradient that is wrong on purpose.

    The tutorial's parameter-free layer. Forward it is ``abs(numpy.fft.rfft2(input))``;
    backward it is ``numpy.fft.irfft2(grad_output)``, which is not the derivative
    (`BadFFTFunction` says why). Use `fft_magnitude` to learn anything.

    Parameters
    ----------
    input : Tensor
        Shape (..., H, W): any leading batch dimensions, any H and W from 1, odd ones included.
        float32 or float64, on the CPU.

    Returns
    -------
    Tensor
        Shape (..., H, W // 2 + 1), the dtype of `input`.

    Raises
    ------
    TypeError
        `input` is no tensor or not on the CPU.
    RuntimeError
        `input` is of another dtype, or has fewer than two dimensions or an empty image; or the
        gradient is differentiated again.

    References
    ----------
    A. Paszke, A. Dziedzic, "Creating extensions using numpy and scipy", PyTorch Tutorials.

    Examples
    --------
    >>> incorrect_fft(torch.ones(8, 9)).shape
    torch.Size([8, 5])
    """
    return apply(BadFFTFunction, input)


def fft_magnitude(input: Tensor) -> Tensor:
    """Magnitude of the real 2-D Fourier transform, with the true gradient.

    The same forward as `incorrect_fft`, by `torch.fft`, which knows its own derivative to any
    order. Where the magnitude is zero it has no derivative; the subgradient taken there is
    zero.

    Parameters
    ----------
    input : Tensor
        Shape (..., H, W), as for `incorrect_fft`; float32 or float64, on any device.

    Returns
    -------
    Tensor
        Shape (..., H, W // 2 + 1), the dtype of `input`.

    Raises
    ------
    TypeError
        `input` is no tensor.
    RuntimeError
        `input` is of another dtype, or has fewer than two dimensions or an empty image.

    Examples
    --------
    >>> fft_magnitude(torch.ones(2, 2))
    tensor([[4., 0.],
            [0., 0.]])
    """
    _check_image("fft_magnitude", input, cpu=False)
    if input.numel() == 0:  # torch's FFT library refuses an empty batch
        return input.new_empty((*input.shape[:-1], input.shape[-1] // 2 + 1)) + input.sum()
    magnitude: Tensor = torch.fft.rfft2(input).abs()
    return magnitude
