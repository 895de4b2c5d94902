"""What our operators count for in `torch.utils.flop_counter`: as much as torch's convolution.

That is the sums of the definition, whatever a method does in their place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.utils.flop_counter import conv_backward_flop, conv_flop_count, register_flop_formula

from fftconv import _operators as _operators  # defines torch.ops.fftconv

if TYPE_CHECKING:
    from collections.abc import Sequence

    Shape = Sequence[int]

_OURS = torch.ops.fftconv


@register_flop_formula(_OURS.conv2d)
def _conv2d(x: Shape, w: Shape, *_: object, out_shape: Shape, **__: object) -> int:
    return conv_flop_count(list(x), list(w), list(out_shape))


@register_flop_formula(_OURS.grad_input)
def _grad_input(g: Shape, w: Shape, *_: object, out_shape: Shape, **__: object) -> int:
    return conv_flop_count(list(g), list(w), list(out_shape), transposed=True)


@register_flop_formula(_OURS.grad_weight)
def _grad_weight(x: Shape, g: Shape, *_: object, out_shape: Shape, **__: object) -> int:
    return _backward(g, x, out_shape, (False, True), (None, out_shape))


@register_flop_formula(_OURS.grads)
def _grads(
    g: Shape, x: Shape, w: Shape, *_: object, out_shape: Sequence[Shape], **__: object
) -> int:
    return _backward(g, x, w, (True, True), out_shape)


def _backward(
    g: Shape, x: Shape, w: Shape, mask: tuple[bool, bool], out_shape: Sequence[Shape | None]
) -> int:
    """Ask torch, whose formula knows shapes alone."""
    torchs: Any = conv_backward_flop  # torch wraps it, and then types it as it was before
    unread = (None, None, None, None, False, None, None)
    count: int = torchs(g, x, w, *unread, mask, out_val=out_shape)
    return count
