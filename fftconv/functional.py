"""`conv2d`: the function of the same name in `torch.nn.functional`, with a choice of method."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch.compiler import is_compiling

from fftconv import _flops as _flops
from fftconv import _vmap as _vmap  # with _operators, defines torch.ops.fftconv
from fftconv._autograd import Affine, record
from fftconv._case import check_layouts, check_match, check_tensors, find
from fftconv._recording import (
    handed_over,
    is_partly_meta,
    is_symbolic,
    is_torchs,
    is_without_channels,
    torchs,
)
from fftconv._torch_state import is_any_autocast_enabled, is_opaque, is_tracing
from fftconv.geometry import integer, pair, sides
from fftconv.methods.registry import check_name

if TYPE_CHECKING:
    from torch import Tensor

    from fftconv._autograd import Case
    from fftconv.geometry import Size


def conv2d(
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
    """Apply a 2-D cross-correlation: `torch.nn.functional.conv2d` with a choice of method.

    Parameters
    ----------
    input
        (N, C_in, H, W) or (C_in, H, W), any strides. float32, float64, complex64 and complex128
        are computed as they are; so are bfloat16 and float16 by `native`, while the other methods
        compute them in float32 and round the result.
    weight
        (C_out, C_in / groups, kH, kW), of the input's dtype.
    bias
        (C_out,) or None.
    stride, dilation
        An integer or (vertical, horizontal).
    padding
        An integer, (vertical, horizontal), ``'valid'`` or ``'same'``.
    groups
        Number of groups that the channels are split into.
    method
        One of `fftconv.methods()`; ``auto`` chooses, and never fails where torch would not. It may
        choose FFTs, whose errors are relative to the largest value near by: where small values
        beside very large ones matter, name ``compiled`` or ``native``, which sum directly.

    Returns
    -------
    Tensor
        (N, C_out, H_out, W_out) or (C_out, H_out, W_out), differentiable any number of times.

    Raises
    ------
    RuntimeError
        If shapes, dtypes or devices do not fit together, as in torch.
    TypeError
        If an argument has the wrong type, as in torch.
    ValueError
        If there is no such method.
    NotImplementedError
        If the method cannot do the case; the message says why.
    """
    if not is_compiling() and not is_any_autocast_enabled():
        case = find(input, weight, bias, stride, padding, dilation, groups, method)
        if case is not None:  # `_run`, written out: the call would take as long as the questions
            if case.records:
                recorded: Tensor = record(Affine, input, weight, bias, case)
                return recorded
            return case.maps.forward(input, weight, bias)
    return _by_dispatcher(input, weight, bias, stride, padding, dilation, groups, method)


def _run(case: Case, x: Tensor, w: Tensor, bias: Tensor | None) -> Tensor:
    if case.records:
        recorded: Tensor = record(Affine, x, w, bias, case)
        return recorded
    return case.maps.forward(x, w, bias)


def _by_dispatcher(
    x: Tensor,
    w: Tensor,
    bias: Tensor | None,
    stride: Size,
    padding: Size | str,
    dilation: Size,
    groups: int,
    method: str,
) -> Tensor:
    """Serve a single image, a call under autocast or of other layouts, and what is watched."""
    numbers = stride, padding, dilation, groups
    if is_symbolic(x, w, bias):
        return cast("Tensor", handed_over(conv2d, (x, w, bias), *numbers, method=method))
    if is_opaque(x, w, bias):
        check_layouts(x, w, bias, method)
        return torchs(x, w, bias, *numbers)
    check_tensors(x, w, bias)
    check_name(method)
    if is_torchs(method) or is_without_channels(x) or is_partly_meta(method, x, w, bias):
        return torchs(x, w, bias, *numbers)
    if x.dim() == 3:
        return conv2d(x.unsqueeze(0), w, bias, *numbers, method=method).squeeze(0)
    if not x.is_meta and torch.is_autocast_enabled(x.device.type):
        x, w, bias = autocast(x, w, bias)
    if not is_compiling():
        case = find(x, w, bias, *numbers, method)
        if case is not None:
            return _run(case, x, w, bias)
    check_match(x, w, bias)
    # One operator is left in the program; its fake kernel checks the numbers.
    steps, dilations = pair("stride", stride), pair("dilation", dilation)
    if padding == "same" and not is_compiling() and is_tracing():
        # A trace keeps numbers; those of this padding would be the ones of the example's weight.
        sides(padding, (1, 1), steps, dilations)
        same: Tensor = torch.ops.fftconv.conv2d_same(
            x, w, bias, dilations, integer("groups", groups), method
        )
        return same
    zeros = sides(padding, (w.shape[2], w.shape[3]), steps, dilations)
    result: Tensor = torch.ops.fftconv.conv2d(
        x, w, bias, steps, zeros, dilations, integer("groups", groups), method
    )
    return result


def autocast(x: Tensor, w: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """Cast as autocast casts the operands of torch's convolution: float64 stays."""
    dtype = torch.get_autocast_dtype(x.device.type)

    def narrow(tensor: Tensor) -> Tensor:
        eligible = tensor.is_floating_point() and tensor.dtype != torch.float64
        return tensor.to(dtype) if eligible else tensor

    return narrow(x), narrow(w), None if bias is None else narrow(bias)
