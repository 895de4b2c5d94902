"""`Conv2d`: torch's layer with a choice of method."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from fftconv._layer import WithMethod, as_leaf, is_leaf
from fftconv._torch_state import reversed_padding
from fftconv.functional import conv2d


class Conv2d(WithMethod, torch.nn.Conv2d):
    """`torch.nn.Conv2d` with a choice of method.

    Parameters, buffers and their names are those of `torch.nn.Conv2d`: a state_dict of either loads
    into the other.

    Parameters
    ----------
    *args, **kwargs
        What `torch.nn.Conv2d` takes; all padding modes.
    method
        One of `fftconv.methods()`. It may be changed later through the attribute of this name.

    Notes
    -----
    Input: (N, C_in, H, W) or (C_in, H, W); output: (N, C_out, H_out, W_out) or
    (C_out, H_out, W_out).

    Raises
    ------
    ValueError, TypeError
        As `torch.nn.Conv2d` does, or if there is no such method.

    Examples
    --------
    >>> layer = Conv2d(3, 8, kernel_size=5, padding="same", method="native")
    >>> layer(torch.ones(1, 3, 32, 32)).shape
    torch.Size([1, 8, 32, 32])
    >>> layer
    Conv2d(3, 8, kernel_size=(5, 5), stride=(1, 1), padding=same, method=native)
    """

    def forward(self, input: Tensor) -> Tensor:
        """Convolve; in a graph of torch.fx the layer is one node, as torch's is."""
        if is_leaf(self, input):
            return as_leaf(self, input)
        return self._conv_forward(input, self.weight, self.bias)

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Convolve; torch's layer calls this with its own weight and bias."""
        if self.method == "native":  # without a look at what torch looks at by itself
            y: Tensor = super()._conv_forward(input, weight, bias)
            return y
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, reversed_padding(self), mode=self.padding_mode)  # noqa: A001
            padding = 0
        return conv2d(
            input,
            weight,
            bias,
            self.stride,
            padding,
            self.dilation,
            self.groups,
            method=self.method,
        )
