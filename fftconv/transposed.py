"""`conv_transpose2d` and `ConvTranspose2d`: torch's, with a choice of method.

A transposed convolution is the gradient of a convolution with respect to its input, so it is one of
the three maps that every method has, and its gradients are the other two.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.compiler import is_compiling

from fftconv._autograd import fill
from fftconv._case import (
    check_layouts,
    check_match,
    check_tensors,
    kept,
    plain_key,
    prepared,
)
from fftconv._layer import WithMethod, as_leaf, is_leaf
from fftconv._operators import LIBRARY
from fftconv._recording import handed_over, is_symbolic, is_torchs
from fftconv._torch_state import is_any_autocast_enabled, is_opaque, is_plain
from fftconv.functional import autocast
from fftconv.geometry import CASES_KEPT, MOST, Geometry, Pair, integer, pair
from fftconv.methods.registry import check_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fftconv._autograd import Case
    from fftconv.geometry import Size

Numbers: TypeAlias = tuple[Pair, Pair, Pair, int, Pair]
"""Stride, padding, output padding, groups, dilation, in torch's order."""


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
    *,
    method: str = "auto",
) -> Tensor:
    """Apply `torch.nn.functional.conv_transpose2d` with a choice of method.

    Parameters
    ----------
    input
        (N, C_in, H, W) or (C_in, H, W), of the dtypes that `fftconv.conv2d` takes.
    weight
        (C_in, C_out / groups, kH, kW), of the input's dtype.
    bias
        (C_out,) or None.
    stride, padding, output_padding, dilation
        An integer or (vertical, horizontal).
    groups
        Number of groups that the channels are split into.
    method
        As of `fftconv.conv2d`.

    Returns
    -------
    Tensor
        (N, C_out, H_out, W_out) or (C_out, H_out, W_out), differentiable any number of times.

    Raises
    ------
    RuntimeError, TypeError, ValueError, NotImplementedError
        As `fftconv.conv2d` does.

    Examples
    --------
    >>> conv_transpose2d(torch.ones(1, 1, 1, 2), torch.ones(1, 1, 1, 2), method="native")
    tensor([[[[1., 2., 1.]]]])
    """
    given = stride, padding, output_padding, groups, dilation
    key = None
    if type(input) is Tensor and not is_compiling() and not is_any_autocast_enabled():
        numbers = _in_one_form(*given)
        key = plain_key(input, weight, bias, numbers, method)
        case = kept(key)
        if case is not None:
            return _by_case(case, input, weight, bias, numbers)
    if is_symbolic(input, weight, bias):
        operands = input, weight, bias
        return cast("Tensor", handed_over(conv_transpose2d, operands, *given, method=method))
    check_name(method)
    if is_opaque(input, weight, bias):
        check_layouts(input, weight, bias, method)
        return F.conv_transpose2d(input, weight, bias, *given)
    check_tensors(input, weight, bias)
    # Of nothing torch makes a result by rules of its own: any output padding, images of no rows.
    if is_torchs(method) or input.numel() == 0 or weight.numel() == 0:
        return F.conv_transpose2d(input, weight, bias, *given)
    if input.dim() == 3:
        image = input.unsqueeze(0)
        return conv_transpose2d(image, weight, bias, *given, method=method).squeeze(0)
    if not input.is_meta and torch.is_autocast_enabled(input.device.type):
        input, weight, bias = autocast(input, weight, bias)  # noqa: A001
    numbers = _in_one_form(*given)
    _check(input, weight, bias, numbers)
    if is_compiling() or not is_plain(input, weight, bias):
        y: Tensor = torch.ops.fftconv.conv_transpose2d(input, weight, *numbers, method)
        return y if bias is None else y + bias.view(-1, 1, 1)
    geometry = _geometry(tuple(input.shape), tuple(weight.shape), *numbers)
    case = prepared(geometry, method, input.dtype, input.device, needs_grad=True, asked=key)
    return _by_case(case, input, weight, bias, numbers)


def _in_one_form(
    stride: Size, padding: Size, output_padding: Size, groups: int, dilation: Size
) -> Numbers:
    return (
        pair("stride", stride), pair("padding", padding), pair("output_padding", output_padding),
        integer("groups", groups), pair("dilation", dilation),
    )  # fmt: skip


def _by_case(case: Case, x: Tensor, w: Tensor, bias: Tensor | None, numbers: Numbers) -> Tensor:
    if case.maps.torch_transposes:
        return F.conv_transpose2d(x, w, bias, *numbers)
    y = fill("x", w, _extended(x, numbers), case)
    return y if bias is None else y + bias.view(-1, 1, 1)


class ConvTranspose2d(WithMethod, torch.nn.ConvTranspose2d):
    """`torch.nn.ConvTranspose2d` with a choice of method.

    Parameters, buffers and their names are those of `torch.nn.ConvTranspose2d`.

    Parameters
    ----------
    *args, **kwargs
        What `torch.nn.ConvTranspose2d` takes.
    method
        One of `fftconv.methods()`. It may be changed later through the attribute of this name.

    Raises
    ------
    ValueError, TypeError
        As `torch.nn.ConvTranspose2d` does, or if there is no such method.

    Notes
    -----
    Input: (N, C_in, H, W) or (C_in, H, W); output: (N, C_out, H_out, W_out) or
    (C_out, H_out, W_out).

    Examples
    --------
    >>> layer = ConvTranspose2d(2, 4, kernel_size=3, stride=2, method="native")
    >>> layer(torch.ones(1, 2, 10, 10)).shape
    torch.Size([1, 4, 21, 21])
    >>> layer(torch.ones(1, 2, 10, 10), output_size=(22, 22)).shape
    torch.Size([1, 4, 22, 22])
    >>> layer
    ConvTranspose2d(2, 4, kernel_size=(3, 3), stride=(2, 2), method=native)
    """

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Convolve; in a graph of torch.fx the layer is one node, as torch's is."""
        if type(input) is not Tensor and is_leaf(self, input):
            return as_leaf(self, input, output_size)
        if self.method == "native":  # without a look at what torch looks at by itself
            y: Tensor = super().forward(input, output_size)
            return y
        stride, padding, dilation = pairs(self.stride, self.padding, self.dilation)
        beyond = self._output_padding(
            input, output_size, list(stride), list(padding), list(self.kernel_size), 2,
            list(dilation),
        )  # fmt: skip
        numbers = stride, padding, beyond, self.groups, dilation
        return conv_transpose2d(input, self.weight, self.bias, *numbers, method=self.method)


def pairs(*values: object) -> tuple[Pair, ...]:
    """Return a layer's attributes as the pairs that they are."""
    return cast("tuple[Pair, ...]", values)


def _size(shape: Sequence[int], kernel: Sequence[int], *numbers: Sequence[int]) -> Pair:
    """Return the height and width of the result, from (H, W) and (kH, kW)."""
    stride, padding, beyond, dilation = numbers
    height, width = (
        (shape[axis] - 1) * stride[axis] - 2 * padding[axis]
        + dilation[axis] * (kernel[axis] - 1) + beyond[axis] + 1
        for axis in (0, 1)
    )  # fmt: skip
    return height, width


@lru_cache(maxsize=CASES_KEPT)
def _geometry(x: tuple[int, ...], w: tuple[int, ...], *numbers: int | Pair) -> Geometry:
    """Return the geometry of the convolution whose input has the shape of the result."""
    stride, padding, beyond, groups, dilation = cast("Numbers", numbers)
    return Geometry(
        batch=x[0],
        in_channels=w[1] * groups,
        out_channels=x[1],
        groups=groups,
        input_size=_size(x[2:], w[2:], stride, padding, beyond, dilation),
        kernel_size=(w[2], w[3]),
        stride=stride,
        dilation=dilation,
        padding=(padding[0], padding[0], padding[1], padding[1]),
    )


def _extended(x: Tensor, numbers: Numbers) -> Tensor:
    """Add the zeros that a result has room for which is longer by whole strides."""
    (down, right), _, (below, beside), _, _ = numbers
    more = 0, beside // right, 0, below // down
    return F.pad(x, more) if any(more) else x


def _check(x: Tensor, w: Tensor, bias: Tensor | None, numbers: Numbers) -> None:
    stride, padding, beyond, groups, dilation = numbers
    if groups <= 0:
        raise RuntimeError(f"groups must be positive, got {groups}")
    for name, values, least in (
        ("stride", stride, 1), ("padding", padding, 0), ("output_padding", beyond, 0),
        ("dilation", dilation, 1),
    ):  # fmt: skip
        if min(values) < least:
            raise RuntimeError(f"{name} must be at least {least}, got {values}")
    if any(n >= max(s, d) for n, s, d in zip(beyond, stride, dilation, strict=True)):
        raise RuntimeError(
            f"output_padding must be smaller than stride or dilation, got {beyond} with stride "
            f"{stride} and dilation {dilation}"
        )
    if w.shape[0] < groups or w.shape[0] % groups or w.shape[1] == 0:
        raise RuntimeError(
            f"weight of shape {tuple(w.shape)} must have a multiple of groups={groups} input "
            f"channels, and output channels"
        )
    if x.shape[1] != w.shape[0]:
        raise RuntimeError(
            f"input of shape {tuple(x.shape)} must have {w.shape[0]} channels for weight of shape "
            f"{tuple(w.shape)}, got {x.shape[1]}"
        )
    if min(w.shape[2:]) == 0 or min(x.shape[2:]) == 0:
        raise RuntimeError(
            f"input and weight must have at least one row and column, got shapes "
            f"{tuple(x.shape)} and {tuple(w.shape)}"
        )
    size = _size(x.shape[2:], w.shape[2:], stride, padding, beyond, dilation)
    if min(size) <= 0:
        raise RuntimeError(f"the output would have the size {size}: padding {padding} is too wide")
    # Where a program leaves a size open, the question would fix what it may be.
    if any(type(length) is int and length > MOST for length in size):
        raise RuntimeError(f"the output's size must fit into 64 bits, got {size}")
    check_match(x, w, bias, out_channels=w.shape[1] * groups)


def _operator(
    x: Tensor, w: Tensor, stride: Sequence[int], padding: Sequence[int], beyond: Sequence[int],
    groups: int, dilation: Sequence[int], method: str,
) -> Tensor:  # fmt: skip
    """Call the operator of the gradient, with a size that follows the shapes at hand."""
    stride, padding, beyond, dilation = ((n[0], n[1]) for n in (stride, padding, beyond, dilation))
    zeros = padding[0], padding[0], padding[1], padding[1]
    size = _size(x.shape[2:], w.shape[2:], stride, padding, beyond, dilation)
    x = _extended(x, (stride, padding, beyond, groups, dilation))
    y: Tensor = torch.ops.fftconv.grad_input(x, w, size, stride, zeros, dilation, groups, method)
    return y


LIBRARY.define(
    "conv_transpose2d(Tensor input, Tensor weight, SymInt[2] stride, SymInt[2] padding, "
    "SymInt[2] output_padding, SymInt groups, SymInt[2] dilation, str method) -> Tensor"
)
LIBRARY.impl("conv_transpose2d", _operator, "CompositeImplicitAutograd")
