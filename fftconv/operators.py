"""The maps as torch operators, for everything that traces or rewrites a program.

torch.compile, torch.export, torch.func, forward-mode differentiation and tensor subclasses see
`conv2d`, `grad_input`, `grad_weight` and `grads` in `torch.ops.fftconv`. Each has a kernel, a fake
kernel (shapes only), a rule for `torch.vmap`, and the gradients of `fftconv.autograd`.

The result of an operator is contiguous, or channels_last where its first tensor is: a compiler has
to know this beforehand, whatever the method would return by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, overload

import torch
from torch import Tensor
from torch._functorch.utils import enable_single_level_autograd_function
from torch.autograd.forward_ad import _set_fwd_grad_enabled

from fftconv import autograd, execution, planner
from fftconv.execution import OPERANDS, Case, Slot
from fftconv.geometry import Geometry
from fftconv.methods import AUTO

if TYPE_CHECKING:
    from typing_extensions import Unpack

Numbers: TypeAlias = "tuple[Sequence[int], Sequence[int], Sequence[int], int, str]"
"""What every operator takes after its tensors: stride, padding, dilation, groups, method."""


class VmapInfo(Protocol):
    """What torch tells a rule for vmap."""

    batch_size: int


_NUMBERS = "SymInt[2] stride, SymInt[4] padding, SymInt[2] dilation, SymInt groups, str method"

_LIBRARY = torch.library.Library("fftconv", "DEF")
_LIBRARY.define(f"conv2d(Tensor input, Tensor weight, Tensor? bias, {_NUMBERS}) -> Tensor")
_LIBRARY.define(
    f"grad_input(Tensor grad, Tensor weight, SymInt[2] input_size, {_NUMBERS}) -> Tensor"
)
_LIBRARY.define(
    f"grad_weight(Tensor input, Tensor grad, SymInt[2] kernel_size, {_NUMBERS}) -> Tensor"
)
_LIBRARY.define(f"grads(Tensor grad, Tensor input, Tensor weight, {_NUMBERS}) -> (Tensor, Tensor)")


def _traced(
    input_shape: Sequence[int], weight_shape: Sequence[int], *numbers: Unpack[Numbers]
) -> Case:
    """Describe a case without choosing a method for it."""
    stride, padding, dilation, groups, name = numbers
    geometry = Geometry(
        batch=input_shape[0],
        in_channels=input_shape[1],
        out_channels=weight_shape[0],
        groups=groups,
        input_size=(input_shape[2], input_shape[3]),
        kernel_size=(weight_shape[2], weight_shape[3]),
        stride=(stride[0], stride[1]),
        dilation=(dilation[0], dilation[1]),
        padding=(padding[0], padding[1], padding[2], padding[3]),
    )
    return Case(geometry, name)


def _grad_input_case(g: Tensor, w: Tensor, size: Sequence[int], *numbers: Unpack[Numbers]) -> Case:
    channels = w.shape[1] * numbers[3]
    return _traced((g.shape[0], channels, *size), w.shape, *numbers)


def _grad_weight_case(x: Tensor, g: Tensor, size: Sequence[int], *numbers: Unpack[Numbers]) -> Case:
    channels = x.shape[1] // numbers[3]
    return _traced(x.shape, (g.shape[1], channels, *size), *numbers)


def _chosen(case: Case, like: Tensor, needs_grad: bool) -> Case:
    return execution.choose(case.geometry, case.name, like.dtype, like.device, needs_grad)


def _empty(case: Case, like: Tensor, shape: Sequence[int]) -> Tensor:
    """Return what a fake kernel returns, after saying what the real one would complain about."""
    if case.name != AUTO:
        planner.resolve(case.name, case.geometry, like.dtype, like.device, needs_grad=True)
    return like.new_empty(shape).contiguous(memory_format=_layout(like))


def _layout(like: Tensor) -> torch.memory_format:
    channels_last = torch.channels_last
    if not like.is_contiguous() and like.is_contiguous(memory_format=channels_last):
        return channels_last
    return torch.contiguous_format


def _laid_out(result: Tensor | None, like: Tensor) -> Tensor:
    assert result is not None
    return result.contiguous(memory_format=_layout(like))


def _record(
    function: type[torch.autograd.Function],
    arguments: tuple[object, ...],
    operator: Callable[..., Any],
) -> Any:
    """Record the function for whatever differentiates: autograd or one level of torch.func.

    The dispatcher has already gone to that level, which `Function.apply` cannot know. `operator` is
    what the function runs, below that level; a function's body runs without gradients, but the
    levels below may be differentiating too.
    """
    backward, forward = torch.is_grad_enabled(), torch._C._is_fwd_grad_enabled()

    def run(*operands: object) -> object:
        with (
            torch.set_grad_enabled(backward),
            _set_fwd_grad_enabled(forward),
            torch._C._AutoDispatchBelowAutograd(),
        ):
            return operator(*operands)

    with enable_single_level_autograd_function():
        return autograd.record(function, *arguments, run)


# conv2d


def _conv2d(x: Tensor, w: Tensor, bias: Tensor | None, *numbers: Unpack[Numbers]) -> Tensor:
    case = _chosen(_traced(x.shape, w.shape, *numbers), x, needs_grad=False)
    return _laid_out(execution.run_affine(x, w, bias, case), x)


def _conv2d_fake(x: Tensor, w: Tensor, bias: Tensor | None, *numbers: Unpack[Numbers]) -> Tensor:
    del bias
    case = _traced(x.shape, w.shape, *numbers)
    return _empty(case, x, case.geometry.output_shape)


def _conv2d_autograd(
    x: Tensor, w: Tensor, bias: Tensor | None, *numbers: Unpack[Numbers]
) -> Tensor:
    def operator(x: Tensor, w: Tensor, bias: Tensor | None, _: Case) -> Any:
        return torch.ops.fftconv.conv2d(x, w, bias, *numbers)

    case = _traced(x.shape, w.shape, *numbers)
    y: Tensor = _record(autograd.Affine, (x, w, bias, case), operator)
    return y


def _conv2d_vmap(
    info: VmapInfo,
    dims: tuple[int | None, ...],
    x: Tensor,
    w: Tensor,
    bias: Tensor | None,
    *numbers: Unpack[Numbers],
) -> tuple[Tensor, int]:
    x, w, bias = _front(x, dims[0]), _front(w, dims[1]), _front(bias, dims[2])
    batched = [dim is not None for dim in dims[:2]]
    case = _traced(x.shape[-4:], w.shape[-4:], *numbers)
    y = _fill_batched("y", x, w, batched, info.batch_size, case)
    if bias is not None:
        y = y + bias.reshape(*bias.shape[:-1], 1, bias.shape[-1], 1, 1)
    return y, 0


# grad_input


def _grad_input(g: Tensor, w: Tensor, size: Sequence[int], *numbers: Unpack[Numbers]) -> Tensor:
    case = _chosen(_grad_input_case(g, w, size, *numbers), g, needs_grad=True)
    return _laid_out(execution.run_map("x", w, g, case), g)


def _grad_input_fake(
    g: Tensor, w: Tensor, size: Sequence[int], *numbers: Unpack[Numbers]
) -> Tensor:
    case = _grad_input_case(g, w, size, *numbers)
    return _empty(case, g, case.geometry.input_shape)


def _grad_input_autograd(
    g: Tensor, w: Tensor, size: Sequence[int], *numbers: Unpack[Numbers]
) -> Tensor:
    def operator(_out: Slot, w: Tensor, g: Tensor, _: Case) -> Any:
        return torch.ops.fftconv.grad_input(g, w, size, *numbers)

    case = _grad_input_case(g, w, size, *numbers)
    gx: Tensor = _record(autograd.Map, (w, g, "x", case), operator)
    return gx


def _grad_input_vmap(
    info: VmapInfo,
    dims: tuple[int | None, ...],
    g: Tensor,
    w: Tensor,
    size: Sequence[int],
    *numbers: Unpack[Numbers],
) -> tuple[Tensor, int]:
    g, w = _front(g, dims[0]), _front(w, dims[1])
    batched = [dims[1] is not None, dims[0] is not None]
    case = _grad_input_case(_one(g), _one(w), size, *numbers)
    return _fill_batched("x", w, g, batched, info.batch_size, case), 0


# grad_weight


def _grad_weight(x: Tensor, g: Tensor, size: Sequence[int], *numbers: Unpack[Numbers]) -> Tensor:
    case = _chosen(_grad_weight_case(x, g, size, *numbers), x, needs_grad=True)
    return _laid_out(execution.run_map("w", x, g, case), x)


def _grad_weight_fake(
    x: Tensor, g: Tensor, size: Sequence[int], *numbers: Unpack[Numbers]
) -> Tensor:
    case = _grad_weight_case(x, g, size, *numbers)
    return _empty(case, x, case.geometry.weight_shape)


def _grad_weight_autograd(
    x: Tensor, g: Tensor, size: Sequence[int], *numbers: Unpack[Numbers]
) -> Tensor:
    def operator(_out: Slot, x: Tensor, g: Tensor, _: Case) -> Any:
        return torch.ops.fftconv.grad_weight(x, g, size, *numbers)

    case = _grad_weight_case(x, g, size, *numbers)
    gw: Tensor = _record(autograd.Map, (x, g, "w", case), operator)
    return gw


def _grad_weight_vmap(
    info: VmapInfo,
    dims: tuple[int | None, ...],
    x: Tensor,
    g: Tensor,
    size: Sequence[int],
    *numbers: Unpack[Numbers],
) -> tuple[Tensor, int]:
    x, g = _front(x, dims[0]), _front(g, dims[1])
    batched = [dim is not None for dim in dims[:2]]
    case = _grad_weight_case(_one(x), _one(g), size, *numbers)
    return _fill_batched("w", x, g, batched, info.batch_size, case), 0


# grads


def _grads(g: Tensor, x: Tensor, w: Tensor, *numbers: Unpack[Numbers]) -> tuple[Tensor, Tensor]:
    case = _chosen(_traced(x.shape, w.shape, *numbers), g, needs_grad=True)
    gx, gw = execution.run_grads(g, x, w, case)
    return _laid_out(gx, g), _laid_out(gw, x)


def _grads_fake(
    g: Tensor, x: Tensor, w: Tensor, *numbers: Unpack[Numbers]
) -> tuple[Tensor, Tensor]:
    case = _traced(x.shape, w.shape, *numbers)
    geometry = case.geometry
    return _empty(case, g, geometry.input_shape), _empty(case, x, geometry.weight_shape)


def _grads_autograd(
    g: Tensor, x: Tensor, w: Tensor, *numbers: Unpack[Numbers]
) -> tuple[Tensor, Tensor]:
    def operator(g: Tensor, x: Tensor, w: Tensor, _: Case) -> Any:
        return torch.ops.fftconv.grads(g, x, w, *numbers)

    case = _traced(x.shape, w.shape, *numbers)
    both: tuple[Tensor, Tensor] = _record(autograd.Grads, (g, x, w, case), operator)
    return both


def _grads_vmap(
    info: VmapInfo,
    dims: tuple[int | None, ...],
    g: Tensor,
    x: Tensor,
    w: Tensor,
    *numbers: Unpack[Numbers],
) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
    size_x, size_w = _one(_front(x, dims[1])).shape[2:], _one(_front(w, dims[2])).shape[2:]
    gx, _ = _grad_input_vmap(info, (dims[0], dims[2]), g, w, size_x, *numbers)
    gw, _ = _grad_weight_vmap(info, (dims[1], dims[0]), x, g, size_w, *numbers)
    return (gx, gw), (0, 0)


# A mapped dimension


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
    out: Slot, a: Tensor, b: Tensor, batched: list[bool], size: int, case: Case
) -> Tensor:
    """Fill a slot for `size` operands at once; the mapped dimension is the first, here and there.

    With one weight for all, the operands are a larger batch; otherwise they are more groups.
    """
    geometry = case.geometry
    slots = dict(zip(OPERANDS[out], zip((a, b), batched, strict=True), strict=True))
    if "w" in slots and not slots["w"][1]:
        larger = replace(geometry, batch=geometry.batch * size)
        a, b = (t.flatten(0, 1) if mapped else t for t, mapped in slots.values())
        result = autograd.fill(out, a, b, replace(case, geometry=larger))
        return result.reshape(size, geometry.batch, *result.shape[1:])
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
    result = autograd.fill(out, a, b, replace(case, geometry=larger))
    if out == "w":
        return result.reshape(size, geometry.out_channels, *result.shape[1:])
    channels = result.shape[1] // size
    return result.reshape(geometry.batch, size, channels, *result.shape[2:]).movedim(1, 0)


def _as_channels(slot: Slot, tensor: Tensor) -> Tensor:
    """Join a leading dimension with the output channels of a weight or the channels of planes."""
    return tensor.flatten(0, 1) if slot == "w" else tensor.movedim(0, 1).flatten(1, 2)


def _register(
    name: str,
    kernel: Callable[..., Any],
    fake: Callable[..., Any],
    differentiable: Callable[..., Any],
    vmap: Callable[..., Any],
) -> None:
    _LIBRARY.impl(name, kernel, "CompositeExplicitAutograd")
    _LIBRARY.impl(name, differentiable, "Autograd")
    torch.library.register_fake(f"fftconv::{name}", fake, lib=_LIBRARY)
    torch.library.register_vmap(f"fftconv::{name}", vmap, lib=_LIBRARY)


_register("conv2d", _conv2d, _conv2d_fake, _conv2d_autograd, _conv2d_vmap)
_register("grad_input", _grad_input, _grad_input_fake, _grad_input_autograd, _grad_input_vmap)
_register("grad_weight", _grad_weight, _grad_weight_fake, _grad_weight_autograd, _grad_weight_vmap)
_register("grads", _grads, _grads_fake, _grads_autograd, _grads_vmap)
