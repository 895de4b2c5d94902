"""`torch.vmap` of the operators: a mapped dimension becomes a larger batch or more groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, overload

import torch
from torch import Tensor

from fftconv._autograd import Operators
from fftconv._operators import (
    LIBRARY,
    Numbers,
    geometry_of,
    grad_input_geometry,
    grad_weight_geometry,
)
from fftconv.methods.maps import OPERANDS

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from fftconv.geometry import Geometry
    from fftconv.methods.maps import Slot


class VmapInfo(Protocol):
    """What torch tells a rule for vmap."""

    batch_size: int


def _conv2d(
    info: VmapInfo,
    dims: tuple[int | None, ...],
    x: Tensor,
    w: Tensor,
    bias: Tensor | None,
    *numbers: Unpack[Numbers],
) -> tuple[Tensor, int | None]:
    x, w, bias = _front(x, dims[0]), _front(w, dims[1]), _front(bias, dims[2])
    batched = [dim is not None for dim in dims[:2]]
    geometry = geometry_of(x.shape[-4:], w.shape[-4:], *numbers)
    y, dim = _fill_batched("y", x, w, batched, info.batch_size, geometry, numbers[4])
    if bias is not None:
        # One result for all that get a bias each, or one bias for all results.
        y = y + bias.reshape(*bias.shape[:-1], 1, bias.shape[-1], 1, 1)
        dim = dim if dims[2] is None else 0
    return y, dim


def _grad_input(
    info: VmapInfo,
    dims: tuple[int | None, ...],
    g: Tensor,
    w: Tensor,
    size: Sequence[int],
    *numbers: Unpack[Numbers],
) -> tuple[Tensor, int | None]:
    g, w = _front(g, dims[0]), _front(w, dims[1])
    batched = [dims[1] is not None, dims[0] is not None]
    geometry = grad_input_geometry(_one(g), _one(w), size, *numbers)
    return _fill_batched("x", w, g, batched, info.batch_size, geometry, numbers[4])


def _grad_weight(
    info: VmapInfo,
    dims: tuple[int | None, ...],
    x: Tensor,
    g: Tensor,
    size: Sequence[int],
    *numbers: Unpack[Numbers],
) -> tuple[Tensor, int | None]:
    x, g = _front(x, dims[0]), _front(g, dims[1])
    batched = [dim is not None for dim in dims[:2]]
    geometry = grad_weight_geometry(_one(x), _one(g), size, *numbers)
    return _fill_batched("w", x, g, batched, info.batch_size, geometry, numbers[4])


def _grads(
    info: VmapInfo,
    dims: tuple[int | None, ...],
    g: Tensor,
    x: Tensor,
    w: Tensor,
    *numbers: Unpack[Numbers],
) -> tuple[tuple[Tensor, Tensor], tuple[int | None, int | None]]:
    size_x, size_w = _one(_front(x, dims[1])).shape[2:], _one(_front(w, dims[2])).shape[2:]
    gx, dim_x = _grad_input(info, (dims[0], dims[2]), g, w, size_x, *numbers)
    gw, dim_w = _grad_weight(info, (dims[1], dims[0]), x, g, size_w, *numbers)
    return (gx, gw), (dim_x, dim_w)


@overload
def _front(tensor: Tensor, dim: int | None) -> Tensor: ...
@overload
def _front(tensor: None, dim: int | None) -> None: ...
def _front(tensor: Tensor | None, dim: int | None) -> Tensor | None:
    """Move the mapped dimension to the front."""
    return tensor if tensor is None or dim is None else tensor.movedim(dim, 0)


def _one(tensor: Tensor) -> Tensor:
    """Return one of the mapped tensors, which are 4-D."""
    return tensor[0] if tensor.dim() == 5 else tensor


def _fill_batched(
    out: Slot,
    a: Tensor,
    b: Tensor,
    batched: list[bool],
    size: int,
    geometry: Geometry,
    name: str,
) -> tuple[Tensor, int | None]:
    """Fill a slot for `size` operands at once; the mapped dimension is the first, here and there.

    With one weight for all, the operands are a larger batch; otherwise they are more groups. Where
    none of the two is mapped, the result is one for all: torch's rule is asked for a bias that is,
    or for both gradients, of which one may depend on what is not mapped alone.
    """
    if not any(batched):
        return Operators(geometry, name).fill(out, a, b), None
    slots = dict(zip(OPERANDS[out], zip((a, b), batched, strict=True), strict=True))
    if "w" in slots and not slots["w"][1]:
        larger = replace(geometry, batch=geometry.batch * size)
        a, b = (t.flatten(0, 1) if mapped else t for t, mapped in slots.values())
        result = Operators(larger, name).fill(out, a, b)
        return result.reshape(size, geometry.batch, *result.shape[1:]), 0
    larger = replace(
        geometry,
        groups=geometry.groups * size,
        in_channels=geometry.in_channels * size,
        out_channels=geometry.out_channels * size,
    )
    a, b = (
        _as_channels(slot, tensor if mapped else tensor.expand(size, *tensor.shape))
        for slot, (tensor, mapped) in slots.items()
    )
    result = Operators(larger, name).fill(out, a, b)
    if out == "w":
        return result.reshape(size, geometry.out_channels, *result.shape[1:]), 0
    channels = result.shape[1] // size
    return result.reshape(geometry.batch, size, channels, *result.shape[2:]).movedim(1, 0), 0


def _as_channels(slot: Slot, tensor: Tensor) -> Tensor:
    """Join a leading dimension with the output channels of a weight or the channels of planes."""
    return tensor.flatten(0, 1) if slot == "w" else tensor.movedim(0, 1).flatten(1, 2)


_RULES: dict[str, Callable[..., Any]] = {
    "conv2d": _conv2d,
    "grad_input": _grad_input,
    "grad_weight": _grad_weight,
    "grads": _grads,
}
for _name, _rule in _RULES.items():
    torch.library.register_vmap(f"fftconv::{_name}", _rule, lib=LIBRARY)
