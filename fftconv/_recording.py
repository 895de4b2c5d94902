"""Calls that Python makes once, for somebody who runs the recorded program without Python.

- An `fx.Proxy` stands for a tensor that is yet to come: the call itself goes into the graph.
- `torch.jit.trace` records torch's operations and takes whatever else happens for constants: what
  numpy or compiled code wrote into a tensor would be that of the example for ever. Ours are
  operations of torch under these names, and need ``import fftconv`` where the program is loaded;
  ``auto`` and ``native`` are recorded as torch's own convolution, which does not.
- ONNX knows one convolution, which every method is exported as.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.compiler import is_dynamo_compiling

from fftconv._torch_state import is_tracing
from fftconv.methods.registry import AUTO

if TYPE_CHECKING:
    from fftconv.geometry import Size


def is_symbolic(*operands: object) -> bool:
    """Whether one of the operands is no tensor, but knows what to do with functions of tensors."""
    return any(
        not isinstance(operand, Tensor) and hasattr(type(operand), "__torch_function__")
        for operand in operands
    )


def handed_over(function: Any, operands: tuple[object, ...], *numbers: object, method: str) -> Any:
    """Let the operand that is no tensor decide what a call of `function` is."""
    return torch.overrides.handle_torch_function(
        function, operands, *operands, *numbers, method=method
    )


def is_torchs(method: str) -> bool:
    """Whether torch's own convolution is to be recorded."""
    if is_dynamo_compiling():
        return False
    return _is_exporting_to_onnx() or (is_tracing() and method in (AUTO, "native"))


def is_without_channels(x: Tensor) -> bool:
    """Whether an image has no channels: in torch's result there are none then, nor any checks.

    What torch makes of that is no convolution of some filters, so it is torch's own to answer,
    with its gradients.
    """
    return x.shape[-3] == 0


def is_partly_meta(method: str, *operands: Tensor | None) -> bool:
    """Whether some operands have no numbers and others do, which is torch's own to answer."""
    metas = {operand.is_meta for operand in operands if operand is not None}
    return len(metas) > 1 and method in (AUTO, "native")


def _is_exporting_to_onnx() -> bool:
    onnx = sys.modules.get("torch.onnx")  # torch imports it when it is asked for
    return onnx is not None and bool(onnx.is_in_onnx_export())


def torchs(
    x: Tensor, w: Tensor, bias: Tensor | None, stride: Size, padding: Size | str, dilation: Size,
    groups: int,
) -> Tensor:  # fmt: skip
    """Convolve by torch, which is recorded as the one operation that it is."""
    return F.conv2d(x, w, bias, stride, padding, dilation, groups)
