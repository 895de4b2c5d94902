"""`conv2d`: the function of the same name in `torch.nn.functional`, with a choice of method."""

from typing import TypeAlias

import torch
from torch import Tensor
from torch.compiler import is_compiling

from fftconv import batching as batching  # with operators, defines torch.ops.fftconv
from fftconv import execution, recording, shortcut
from fftconv.geometry import integer, pair, sides
from fftconv.methods import check_name
from fftconv.watchers import is_plain

Size: TypeAlias = int | tuple[int, ...] | list[int]


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
        One of `fftconv.methods()`; ``auto`` chooses, and never fails where torch would not.

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
    if not is_compiling():
        result = shortcut.take(input, weight, bias, stride, padding, dilation, groups, method)
        if result is not None:
            return result
    _check_tensors(input, weight, bias)
    if not input.is_meta and torch.is_autocast_enabled(input.device.type):
        input, weight, bias = _autocast(input, weight, bias)  # noqa: A001
    _check_match(input, weight, bias)
    numbers = (stride, padding, dilation, groups, method)
    if input.dim() == 3:
        return _batched(input.unsqueeze(0), weight, bias, *numbers).squeeze(0)
    return _batched(input, weight, bias, *numbers)


def _batched(
    x: Tensor,
    w: Tensor,
    bias: Tensor | None,
    stride: Size,
    padding: Size | str,
    dilation: Size,
    groups: int,
    method: str,
) -> Tensor:
    check_name(method)
    if is_compiling() or not is_plain(x, w, bias):
        # One operator is left in the program; its fake kernel checks the numbers.
        steps, dilations = pair("stride", stride), pair("dilation", dilation)
        zeros = sides(padding, (w.shape[2], w.shape[3]), steps, dilations)
        result: Tensor = torch.ops.fftconv.conv2d(
            x, w, bias, steps, zeros, dilations, integer("groups", groups), method
        )
        return result
    recorded = torch.is_grad_enabled() and (
        x.requires_grad or w.requires_grad or (bias is not None and bias.requires_grad)
    )
    case = execution.prepare(
        x.shape,
        w.shape,
        _key("stride", stride),
        padding if isinstance(padding, str) else _key("padding", padding),
        _key("dilation", dilation),
        groups if type(groups) is int else integer("groups", groups),
        method,
        x.dtype,
        x.device,
        recorded,
    )
    shortcut.keep(case, x, w, bias, stride, padding, dilation, groups, method, recorded)
    return recording.affine(x, w, bias, case)


def _key(name: str, value: Size) -> int | tuple[int, ...]:
    """Return what a cache can look up: not a list, nor a number that is a tensor."""
    return value if type(value) in (int, tuple) else pair(name, value)  # type: ignore[return-value]


def _check_tensors(x: Tensor, w: Tensor, bias: Tensor | None) -> None:
    if not isinstance(x, Tensor):
        raise TypeError(f"input must be a Tensor, got {type(x).__name__}")
    if not isinstance(w, Tensor):
        raise TypeError(f"weight must be a Tensor, got {type(w).__name__}")
    if bias is not None and not isinstance(bias, Tensor):
        raise TypeError(f"bias must be a Tensor or None, got {type(bias).__name__}")
    if w.dim() != 4:
        raise RuntimeError(
            f"weight must have 4 dimensions (C_out, C_in / groups, kH, kW), "
            f"got shape {tuple(w.shape)}"
        )
    if x.dim() not in (3, 4):
        raise RuntimeError(
            f"input must have 4 dimensions (N, C, H, W) or 3 (C, H, W), got shape {tuple(x.shape)}"
        )


def _check_match(x: Tensor, w: Tensor, bias: Tensor | None) -> None:
    """Check what the operands must have in common; the sizes are checked by the geometry."""
    if w.dtype != x.dtype or w.device != x.device:
        raise RuntimeError(
            f"weight must have the input's dtype and device, {x.dtype} on {x.device}, "
            f"got {w.dtype} on {w.device}"
        )
    if bias is None:
        return
    if bias.dtype != x.dtype or bias.device != x.device:
        raise RuntimeError(
            f"bias must have the input's dtype and device, {x.dtype} on {x.device}, "
            f"got {bias.dtype} on {bias.device}"
        )
    if bias.dim() != 1 or bias.shape[0] != w.shape[0]:
        raise RuntimeError(
            f"bias must have one number for each of the {w.shape[0]} output channels, "
            f"got shape {tuple(bias.shape)}"
        )


def _autocast(x: Tensor, w: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """Cast as autocast casts the operands of torch's convolution: float64 stays."""
    dtype = torch.get_autocast_dtype(x.device.type)

    def cast(tensor: Tensor) -> Tensor:
        eligible = tensor.is_floating_point() and tensor.dtype != torch.float64
        return tensor.to(dtype) if eligible else tensor

    return cast(x), cast(w), None if bias is None else cast(bias)
