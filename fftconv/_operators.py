"""The maps as torch operators, for everything that traces or rewrites a program.

torch.compile, torch.export, torch.func, forward-mode differentiation and tensor subclasses see
`conv2d`, `grad_input`, `grad_weight` and `grads` in `torch.ops.fftconv`. Each has a kernel, a fake
kernel (shapes only), the gradients of `fftconv._autograd`, and the rule for `torch.vmap` of
`fftconv._vmap`.

The result of an operator is contiguous, or channels_last where its first tensor is: a compiler has
to know this beforehand, whatever the method would return by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor

from fftconv._autograd import Affine, Case, Grads, Map, Operators, record
from fftconv._case import prepared
from fftconv._torch_state import OneLevelFunction, at_one_level
from fftconv.geometry import Geometry, sides
from fftconv.methods.registry import AUTO, REGISTRY, check_name

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from fftconv.methods.maps import Maps

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
LIBRARY.define(
    "conv2d_same(Tensor input, Tensor weight, Tensor? bias, SymInt[2] dilation, SymInt groups, "
    "str method) -> Tensor"
)
LIBRARY.define(f"grads(Tensor grad, Tensor input, Tensor weight, {_NUMBERS}) -> (Tensor, Tensor)")


def geometry_of(
    input_shape: Sequence[int], weight_shape: Sequence[int], *numbers: Unpack[Numbers]
) -> Geometry:
    """Return the geometry of an operator's arguments, which may be symbolic."""
    stride, padding, dilation, groups, _ = numbers
    return Geometry(
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


def grad_input_geometry(
    g: Tensor, w: Tensor, size: Sequence[int], *numbers: Unpack[Numbers]
) -> Geometry:
    """Return the geometry of a gradient of the input."""
    channels = w.shape[1] * numbers[3]
    return geometry_of((g.shape[0], channels, *size), w.shape, *numbers)


def grad_weight_geometry(
    x: Tensor, g: Tensor, size: Sequence[int], *numbers: Unpack[Numbers]
) -> Geometry:
    """Return the geometry of a gradient of the weight."""
    channels = x.shape[1] // numbers[3]
    return geometry_of(x.shape, (g.shape[1], channels, *size), *numbers)


def _maps(geometry: Geometry, name: str, like: Tensor, needs_grad: bool) -> Maps:
    return prepared(geometry, name, like.dtype, like.device, needs_grad).maps


def _empty(geometry: Geometry, name: str, like: Tensor, shape: Sequence[int]) -> Tensor:
    """Return what a fake kernel returns, after saying what the real one would complain about."""
    if name != AUTO and like.device.type != "meta":  # meta tensors stand for any device's
        REGISTRY[check_name(name)].check(geometry, like.dtype, like.device)
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
    function: type[OneLevelFunction],
    geometry: Geometry,
    name: str,
    *arguments: object,
) -> Any:
    """Record the function for whatever differentiates: autograd or one level of torch.func.

    The dispatcher has already gone to that level, which `Function.apply` cannot know. What the
    function runs are the operators below that level.
    """
    case = Case(geometry, name, Operators(geometry, name, below=True), traced=True)
    return at_one_level(record, function, *arguments, case)


# conv2d


def _conv2d(x: Tensor, w: Tensor, bias: Tensor | None, *numbers: Unpack[Numbers]) -> Tensor:
    geometry = geometry_of(x.shape, w.shape, *numbers)
    return _laid_out(_maps(geometry, numbers[4], x, needs_grad=False).forward(x, w, bias), x)


def _conv2d_fake(x: Tensor, w: Tensor, bias: Tensor | None, *numbers: Unpack[Numbers]) -> Tensor:
    del bias
    geometry = geometry_of(x.shape, w.shape, *numbers)
    return _empty(geometry, numbers[4], x, geometry.output_shape)


def _conv2d_autograd(
    x: Tensor, w: Tensor, bias: Tensor | None, *numbers: Unpack[Numbers]
) -> Tensor:
    geometry = geometry_of(x.shape, w.shape, *numbers)
    y: Tensor = _record(Affine, geometry, numbers[4], x, w, bias)
    return y


def _conv2d_same(
    x: Tensor, w: Tensor, bias: Tensor | None, dilation: Sequence[int], groups: int, method: str
) -> Tensor:
    """Convolve with padding='same', whose numbers are those of the weight at hand."""
    steps = dilation[0], dilation[1]
    zeros = sides("same", (w.shape[2], w.shape[3]), (1, 1), steps)
    y: Tensor = torch.ops.fftconv.conv2d(x, w, bias, (1, 1), zeros, steps, groups, method)
    return y


# grad_input


def _grad_input(g: Tensor, w: Tensor, size: Sequence[int], *numbers: Unpack[Numbers]) -> Tensor:
    geometry = grad_input_geometry(g, w, size, *numbers)
    return _laid_out(_maps(geometry, numbers[4], g, needs_grad=True).grad_input(g, w), g)


def _grad_input_fake(
    g: Tensor, w: Tensor, size: Sequence[int], *numbers: Unpack[Numbers]
) -> Tensor:
    geometry = grad_input_geometry(g, w, size, *numbers)
    return _empty(geometry, numbers[4], g, geometry.input_shape)


def _grad_input_autograd(
    g: Tensor, w: Tensor, size: Sequence[int], *numbers: Unpack[Numbers]
) -> Tensor:
    geometry = grad_input_geometry(g, w, size, *numbers)
    gx: Tensor = _record(Map, geometry, numbers[4], w, g, "x")
    return gx


# grad_weight


def _grad_weight(x: Tensor, g: Tensor, size: Sequence[int], *numbers: Unpack[Numbers]) -> Tensor:
    geometry = grad_weight_geometry(x, g, size, *numbers)
    return _laid_out(_maps(geometry, numbers[4], x, needs_grad=True).grad_weight(x, g), x)


def _grad_weight_fake(
    x: Tensor, g: Tensor, size: Sequence[int], *numbers: Unpack[Numbers]
) -> Tensor:
    geometry = grad_weight_geometry(x, g, size, *numbers)
    return _empty(geometry, numbers[4], x, geometry.weight_shape)


def _grad_weight_autograd(
    x: Tensor, g: Tensor, size: Sequence[int], *numbers: Unpack[Numbers]
) -> Tensor:
    geometry = grad_weight_geometry(x, g, size, *numbers)
    gw: Tensor = _record(Map, geometry, numbers[4], x, g, "w")
    return gw


# grads


def _grads(g: Tensor, x: Tensor, w: Tensor, *numbers: Unpack[Numbers]) -> tuple[Tensor, Tensor]:
    geometry = geometry_of(x.shape, w.shape, *numbers)
    gx, gw = _maps(geometry, numbers[4], g, needs_grad=True).grads(g, x, w)
    return _laid_out(gx, g), _laid_out(gw, x)


def _grads_fake(
    g: Tensor, x: Tensor, w: Tensor, *numbers: Unpack[Numbers]
) -> tuple[Tensor, Tensor]:
    geometry, name = geometry_of(x.shape, w.shape, *numbers), numbers[4]
    return (
        _empty(geometry, name, g, geometry.input_shape),
        _empty(geometry, name, x, geometry.weight_shape),
    )


def _grads_autograd(
    g: Tensor, x: Tensor, w: Tensor, *numbers: Unpack[Numbers]
) -> tuple[Tensor, Tensor]:
    geometry = geometry_of(x.shape, w.shape, *numbers)
    both: tuple[Tensor, Tensor] = _record(Grads, geometry, numbers[4], g, x, w)
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


LIBRARY.impl("conv2d_same", _conv2d_same, "CompositeImplicitAutograd")
_register("conv2d", _conv2d, _conv2d_fake, _conv2d_autograd)
_register("grad_input", _grad_input, _grad_input_fake, _grad_input_autograd)
_register("grad_weight", _grad_weight, _grad_weight_fake, _grad_weight_autograd)
_register("grads", _grads, _grads_fake, _grads_autograd)
