"""The maps as torch operators, for everything that traces or rewrites a program.

torch.compile, torch.export, torch.func, forward-mode differentiation and tensor subclasses see
`conv2d`, `grad_input`, `grad_weight` and `grads` in `torch.ops.fftconv`. Each has a kernel, a fake
kernel (shapes only), the gradients of `fftconv.autograd`, and the rule for `torch.vmap` of
`fftconv.batching`.

The result of an operator is contiguous, or channels_last where its first tensor is: a compiler has
to know this beforehand, whatever the method would return by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor
from torch._functorch.utils import enable_single_level_autograd_function
from torch.autograd.forward_ad import _set_fwd_grad_enabled

from fftconv import autograd, execution, planner
from fftconv.execution import Case, Slot
from fftconv.geometry import Geometry
from fftconv.methods import AUTO

if TYPE_CHECKING:
    from typing_extensions import Unpack

Numbers: TypeAlias = "tuple[Sequence[int], Sequence[int], Sequence[int], int, str]"
"""What every operator takes after its tensors: stride, padding, dilation, groups, method."""


_NUMBERS = "SymInt[2] stride, SymInt[4] padding, SymInt[2] dilation, SymInt groups, str method"

LIBRARY = torch.library.Library("fftconv", "DEF")
LIBRARY.define(f"conv2d(Tensor input, Tensor weight, Tensor? bias, {_NUMBERS}) -> Tensor")
LIBRARY.define(
    f"grad_input(Tensor grad, Tensor weight, SymInt[2] input_size, {_NUMBERS}) -> Tensor"
)
LIBRARY.define(
    f"grad_weight(Tensor input, Tensor grad, SymInt[2] kernel_size, {_NUMBERS}) -> Tensor"
)
LIBRARY.define(f"grads(Tensor grad, Tensor input, Tensor weight, {_NUMBERS}) -> (Tensor, Tensor)")


def traced(
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


def grad_input_case(g: Tensor, w: Tensor, size: Sequence[int], *numbers: Unpack[Numbers]) -> Case:
    """Describe the case of a gradient of the input."""
    channels = w.shape[1] * numbers[3]
    return traced((g.shape[0], channels, *size), w.shape, *numbers)


def grad_weight_case(x: Tensor, g: Tensor, size: Sequence[int], *numbers: Unpack[Numbers]) -> Case:
    """Describe the case of a gradient of the weight."""
    channels = x.shape[1] // numbers[3]
    return traced(x.shape, (g.shape[1], channels, *size), *numbers)


def _chosen(case: Case, like: Tensor, needs_grad: bool) -> Case:
    return execution.choose(case.geometry, case.name, like.dtype, like.device, needs_grad)


def _empty(case: Case, like: Tensor, shape: Sequence[int]) -> Tensor:
    """Return what a fake kernel returns, after saying what the real one would complain about."""
    if case.name != AUTO and like.device.type != "meta":  # meta tensors stand for any device's
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
    case = _chosen(traced(x.shape, w.shape, *numbers), x, needs_grad=False)
    return _laid_out(execution.run_affine(x, w, bias, case), x)


def _conv2d_fake(x: Tensor, w: Tensor, bias: Tensor | None, *numbers: Unpack[Numbers]) -> Tensor:
    del bias
    case = traced(x.shape, w.shape, *numbers)
    return _empty(case, x, case.geometry.output_shape)


def _conv2d_autograd(
    x: Tensor, w: Tensor, bias: Tensor | None, *numbers: Unpack[Numbers]
) -> Tensor:
    def operator(x: Tensor, w: Tensor, bias: Tensor | None, _: Case) -> Any:
        return torch.ops.fftconv.conv2d(x, w, bias, *numbers)

    case = traced(x.shape, w.shape, *numbers)
    y: Tensor = _record(autograd.Affine, (x, w, bias, case), operator)
    return y


# grad_input


def _grad_input(g: Tensor, w: Tensor, size: Sequence[int], *numbers: Unpack[Numbers]) -> Tensor:
    case = _chosen(grad_input_case(g, w, size, *numbers), g, needs_grad=True)
    return _laid_out(execution.run_map("x", w, g, case), g)


def _grad_input_fake(
    g: Tensor, w: Tensor, size: Sequence[int], *numbers: Unpack[Numbers]
) -> Tensor:
    case = grad_input_case(g, w, size, *numbers)
    return _empty(case, g, case.geometry.input_shape)


def _grad_input_autograd(
    g: Tensor, w: Tensor, size: Sequence[int], *numbers: Unpack[Numbers]
) -> Tensor:
    def operator(_out: Slot, w: Tensor, g: Tensor, _: Case) -> Any:
        return torch.ops.fftconv.grad_input(g, w, size, *numbers)

    case = grad_input_case(g, w, size, *numbers)
    gx: Tensor = _record(autograd.Map, (w, g, "x", case), operator)
    return gx


# grad_weight


def _grad_weight(x: Tensor, g: Tensor, size: Sequence[int], *numbers: Unpack[Numbers]) -> Tensor:
    case = _chosen(grad_weight_case(x, g, size, *numbers), x, needs_grad=True)
    return _laid_out(execution.run_map("w", x, g, case), x)


def _grad_weight_fake(
    x: Tensor, g: Tensor, size: Sequence[int], *numbers: Unpack[Numbers]
) -> Tensor:
    case = grad_weight_case(x, g, size, *numbers)
    return _empty(case, x, case.geometry.weight_shape)


def _grad_weight_autograd(
    x: Tensor, g: Tensor, size: Sequence[int], *numbers: Unpack[Numbers]
) -> Tensor:
    def operator(_out: Slot, x: Tensor, g: Tensor, _: Case) -> Any:
        return torch.ops.fftconv.grad_weight(x, g, size, *numbers)

    case = grad_weight_case(x, g, size, *numbers)
    gw: Tensor = _record(autograd.Map, (x, g, "w", case), operator)
    return gw


# grads


def _grads(g: Tensor, x: Tensor, w: Tensor, *numbers: Unpack[Numbers]) -> tuple[Tensor, Tensor]:
    case = _chosen(traced(x.shape, w.shape, *numbers), g, needs_grad=True)
    gx, gw = execution.run_grads(g, x, w, case)
    return _laid_out(gx, g), _laid_out(gw, x)


def _grads_fake(
    g: Tensor, x: Tensor, w: Tensor, *numbers: Unpack[Numbers]
) -> tuple[Tensor, Tensor]:
    case = traced(x.shape, w.shape, *numbers)
    geometry = case.geometry
    return _empty(case, g, geometry.input_shape), _empty(case, x, geometry.weight_shape)


def _grads_autograd(
    g: Tensor, x: Tensor, w: Tensor, *numbers: Unpack[Numbers]
) -> tuple[Tensor, Tensor]:
    def operator(g: Tensor, x: Tensor, w: Tensor, _: Case) -> Any:
        return torch.ops.fftconv.grads(g, x, w, *numbers)

    case = traced(x.shape, w.shape, *numbers)
    both: tuple[Tensor, Tensor] = _record(autograd.Grads, (g, x, w, case), operator)
    return both


def _register(
    name: str,
    kernel: Callable[..., Any],
    fake: Callable[..., Any],
    differentiable: Callable[..., Any],
) -> None:
    LIBRARY.impl(name, kernel, "CompositeExplicitAutograd")
    LIBRARY.impl(name, differentiable, "Autograd")
    torch.library.register_fake(f"fftconv::{name}", fake, lib=LIBRARY)


_register("conv2d", _conv2d, _conv2d_fake, _conv2d_autograd)
_register("grad_input", _grad_input, _grad_input_fake, _grad_input_autograd)
_register("grad_weight", _grad_weight, _grad_weight_fake, _grad_weight_autograd)
_register("grads", _grads, _grads_fake, _grads_autograd)
