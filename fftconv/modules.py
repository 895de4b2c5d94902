"""`Conv2d`: torch's layer with a choice of method."""

import torch

from fftconv._layer import Correlating
from fftconv.functional import conv2d


class Conv2d(Correlating, torch.nn.Conv2d):
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

    function = staticmethod(conv2d)
