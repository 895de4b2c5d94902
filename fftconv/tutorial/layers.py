"""The tutorial's learnable layer as modules: one filter, one bias, three ways to correlate."""

import operator

import torch
from torch import Tensor
from torch.nn.modules.module import Module
from torch.nn.parameter import Parameter

from fftconv.tutorial.correlation import (
    FFTConv2dFunction,
    ScipyConv2dFunction,
    check_layer,
)
from fftconv.tutorial.exchange import apply


def _size(layer: str, argument: str, value: int) -> int:
    try:
        size = operator.index(value)
    except TypeError:
        raise TypeError(f"{layer}: {argument} must be an int, got {type(value).__name__}") from None
    if size < 1:
        raise ValueError(f"{layer}: {argument} must be at least 1, got {size}")
    return size


class _SingleFilterConv2d(Module):
    """Constructor, parameters and state_dict of the tutorial's layer."""

    def __init__(self, filter_width: int, filter_height: int) -> None:
        super().__init__()
        layer = type(self).__name__
        shape = (
            _size(layer, "filter_width", filter_width),
            _size(layer, "filter_height", filter_height),
        )
        self.filter = Parameter(torch.randn(*shape))
        self.bias = Parameter(torch.randn(1, 1))

    def extra_repr(self) -> str:
        """Name the size of the filter, as the constructor takes it."""
        width, height = self.filter.shape
        return f"{width}, {height}"


class ScipyConv2d(_SingleFilterConv2d):
    """The tutorial's layer: cross-correlation of one image with one learnable filter, by scipy.

    ``output = scipy.signal.correlate2d(input, filter, mode='valid') + bias``

    Parameters
    ----------
    filter_width, filter_height : int
        Size of the filter along the first and the second dimension of the image. (The tutorial
        names them so, though the first dimension of an image is its height.)

    Attributes
    ----------
    filter : Parameter
        Shape (filter_width, filter_height), drawn from a standard normal distribution.
    bias : Parameter
        Shape (1, 1), drawn likewise.

    Notes
    -----
    Input (H, W), float32 or float64, on the CPU; output (H - filter_width + 1,
    W - filter_height + 1) in the dtype of the input. Input and filter may differ in dtype; the
    gradients keep the dtype of what they belong to (the tutorial's own code returns those of
    filter and bias in float32 whatever they are).

    Raises
    ------
    TypeError, ValueError
        A filter size is no integer, or below 1.
    RuntimeError
        When called: input of another rank or dtype, or smaller than the filter.

    References
    ----------
    A. Paszke, A. Dziedzic, "Creating extensions using numpy and scipy", PyTorch Tutorials.

    Examples
    --------
    >>> layer = ScipyConv2d(3, 3)
    >>> layer(torch.randn(10, 10)).shape
    torch.Size([8, 8])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the cross-correlation of `input` (H, W) with the filter, plus the bias."""
        return apply(ScipyConv2dFunction, input, self.filter, self.bias)


class FFTConv2d(_SingleFilterConv2d):
    """`ScipyConv2d` by `scipy.signal.fftconvolve`: same constructor, parameters and errors.

    A convolution theorem turns sliding into multiplying, so the cost hardly depends on the size
    of the filter. The result differs from `ScipyConv2d`'s by rounding alone.

    Parameters
    ----------
    filter_width, filter_height : int
        As of `ScipyConv2d`.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        As `ScipyConv2d` does.

    Notes
    -----
    Shapes, dtypes and device are those of `ScipyConv2d`, and so are the names of the parameters: a
    state_dict of either loads into the other.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the cross-correlation of `input` (H, W) with the filter, plus the bias."""
        return apply(FFTConv2dFunction, input, self.filter, self.bias)


class NativeConv2d(_SingleFilterConv2d):
    """`ScipyConv2d` by `torch.nn.functional.conv2d`: same constructor, parameters and errors.

    It never leaves torch, so it runs on any device and its gradients can be differentiated again.

    Parameters
    ----------
    filter_width, filter_height : int
        As of `ScipyConv2d`.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        As `ScipyConv2d` does; it refuses no device.

    Notes
    -----
    Shapes and dtypes are those of `ScipyConv2d`, and so are the names of the parameters: a
    state_dict of either loads into the other.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the cross-correlation of `input` (H, W) with the filter, plus the bias."""
        check_layer("NativeConv2d", input, self.filter, self.bias, cpu=False)
        # scipy's layers compute in the wider of the two dtypes and return the input's.
        dtype = torch.promote_types(input.dtype, self.filter.dtype)
        result = torch.nn.functional.conv2d(
            input.to(dtype)[None, None],
            self.filter.to(dtype)[None, None],
            self.bias.to(dtype).reshape(1),
        )
        return result[0, 0].to(input.dtype)
