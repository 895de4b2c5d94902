"""`conv1d` and `Conv1d`: torch's function and layer of these names, with a choice of method.

A sequence is an image of one row, which the methods know what to do with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from fftconv._case import check_layouts
from fftconv._layer import Correlating
from fftconv._recording import handed_over, is_symbolic, is_torchs
from fftconv._torch_state import is_opaque
from fftconv.functional import conv2d
from fftconv.geometry import integer

if TYPE_CHECKING:
    from fftconv.geometry import Size


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    method: str = "auto",
) -> Tensor:
    """Apply a 1-D cross-correlation: `torch.nn.functional.conv1d` with a choice of method.

    Parameters
    ----------
    input
        (N, C_in, L) or (C_in, L), of the dtypes that `fftconv.conv2d` takes.
    weight
        (C_out, C_in / groups, K), of the input's dtype.
    bias
        (C_out,) or None.
    stride, dilation
        An integer, or a sequence of one.
    padding
        An integer or a sequence of one, ``'valid'`` or ``'same'``.
    groups
        Number of groups that the channels are split into.
    method
        As of `fftconv.conv2d`.

    Returns
    -------
    Tensor
        (N, C_out, L_out) or (C_out, L_out), differentiable any number of times.

    Raises
    ------
    RuntimeError, TypeError, ValueError, NotImplementedError
        As `fftconv.conv2d` does.

    Examples
    --------
    >>> conv1d(torch.ones(1, 1, 5), torch.ones(1, 1, 3), method="native")
    tensor([[[3., 3., 3.]]])
    """
    numbers = stride, padding, dilation, groups
    if is_symbolic(input, weight, bias):
        return cast("Tensor", handed_over(conv1d, (input, weight, bias), *numbers, method=method))
    if is_opaque(input, weight, bias):
        check_layouts(input, weight, bias, method)
        return F.conv1d(input, weight, bias, *numbers)  # type: ignore[arg-type]
    _check(input, weight)
    if is_torchs(method):
        return F.conv1d(input, weight, bias, *numbers)  # type: ignore[arg-type]
    # Dense, as torch has them: of others its gradients are wrong where one thread computes them.
    y = conv2d(
        input.contiguous().unsqueeze(-2),
        weight.contiguous().unsqueeze(-2),
        bias,
        (1, _single("stride", stride)),
        padding if isinstance(padding, str) else (0, _single("padding", padding)),
        (1, _single("dilation", dilation)),
        groups,
        method=method,
    )
    return y.squeeze(-2)


class Conv1d(Correlating, torch.nn.Conv1d):
    """`torch.nn.Conv1d` with a choice of method.

    Parameters, buffers and their names are those of `torch.nn.Conv1d`.

    Parameters
    ----------
    *args, **kwargs
        What `torch.nn.Conv1d` takes; all padding modes.
    method
        One of `fftconv.methods()`. It may be changed later through the attribute of this name.

    Raises
    ------
    ValueError, TypeError
        As `torch.nn.Conv1d` does, or if there is no such method.

    Notes
    -----
    Input: (N, C_in, L) or (C_in, L); output: (N, C_out, L_out) or (C_out, L_out).

    Examples
    --------
    >>> layer = Conv1d(2, 4, kernel_size=9, padding="same", method="native")
    >>> layer(torch.ones(1, 2, 100)).shape
    torch.Size([1, 4, 100])
    >>> layer
    Conv1d(2, 4, kernel_size=(9,), stride=(1,), padding=same, method=native)
    """

    function = staticmethod(conv1d)


def _check(x: object, w: object) -> None:
    """Check what a call in two dimensions would put into other words."""
    for name, tensor in (("input", x), ("weight", w)):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{name} must be a Tensor, got {type(tensor).__name__}")
    assert isinstance(x, Tensor)
    assert isinstance(w, Tensor)
    if w.dim() != 3:
        raise RuntimeError(
            f"weight must have 3 dimensions (C_out, C_in / groups, K), got shape {tuple(w.shape)}"
        )
    if x.dim() not in (2, 3):
        raise RuntimeError(
            f"input must have 3 dimensions (N, C, L) or 2 (C, L), got shape {tuple(x.shape)}"
        )


def _single(name: str, value: Size) -> int:
    """Read an integer or a sequence of one."""
    if isinstance(value, (tuple, list)):
        if len(value) != 1:
            raise RuntimeError(f"{name} must be one integer, got {value}")
        value = value[0]
    return integer(name, value)
