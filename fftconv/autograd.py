"""The one place where gradients are wired, for every method and of any order.

With T(x, w, y) the trilinear form of `fftconv.methods.method.Method`, each map fills one slot of T
from the other two, so the gradient of a map is again a map:

    out = fill(a, b):   grad_a = fill_a(out=v, conj(b)),   grad_b = fill_b(out=v, conj(a))

and the three maps are closed under differentiation. Eager calls on plain tensors run the method
directly, which takes a few microseconds; whatever watches or rewrites tensors (torch.compile,
torch.export, torch.func, forward-mode differentiation, dispatch modes, subclasses) gets the
operators of `fftconv.operators`, which are wired by the same functions.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from fftconv import execution
from fftconv.execution import OPERANDS, Case, Slot
from fftconv.watchers import is_plain


class Context(FunctionCtx):
    """What the functions below keep between forward and backward."""

    case: Case
    out: Slot
    saved_tensors: tuple[Tensor, ...]
    needs_input_grad: tuple[bool, ...]


def fill(out: Slot, a: Tensor, b: Tensor, case: Case) -> Tensor:
    """Fill the slot `out` of the trilinear form from its two operands, differentiable."""
    if case.method is None or not is_plain(a, b):
        return _fill_by_operator(out, a, b, case)
    if torch.is_grad_enabled() and (a.requires_grad or b.requires_grad):
        filled: Tensor = record(Map, a, b, out, case, execution.run_map)
        return filled
    return execution.run_map(out, a, b, case)


def grads(
    g: Tensor,
    x: Tensor,
    w: Tensor,
    case: Case,
    need_x: bool,
    need_w: bool,
) -> tuple[Tensor | None, Tensor | None]:
    """Return (gradient of the input, gradient of the weight) where needed, differentiable."""
    recording = torch.is_grad_enabled() and (g.requires_grad or x.requires_grad or w.requires_grad)
    plain = case.method is not None and is_plain(g, x, w)
    if plain and not recording:
        return execution.run_grads(g, x, w, case, need_x, need_w)
    if not (need_x and need_w):
        return (
            fill("x", w, g, case) if need_x else None,
            fill("w", x, g, case) if need_w else None,
        )
    both: tuple[Tensor, Tensor]
    if plain:
        both = record(Grads, g, x, w, case, execution.run_grads)
    else:
        both = _operator("grads")(g, x, w, *_numbers(case))
    return both


def record(function: type[torch.autograd.Function], *arguments: object) -> Any:
    """Apply `function` at the present level of differentiation.

    `Function.apply` does the same after asking about torch.func, which costs microseconds for
    nothing: plain calls are asked before, and an operator gets here inside of its level.
    """
    return super(torch.autograd.Function, function).apply(*arguments)  # type: ignore[misc]


class Map(torch.autograd.Function):
    """One of the three bilinear maps."""

    @staticmethod
    def forward(
        ctx: Context, a: Tensor, b: Tensor, out: Slot, case: Case, run: Callable[..., Tensor]
    ) -> Tensor:
        """Run the map."""
        _remember(ctx, case, a, b)
        ctx.out = out
        return run(out, a, b, case)

    @staticmethod
    def backward(ctx: Context, v: Tensor | None) -> tuple[Any, ...]:
        """Fill each operand's slot from the gradient and the other operand."""
        a, b = ctx.saved_tensors
        need_a, need_b = ctx.needs_input_grad[:2]
        return (*_vjp(ctx.out, a, b, v, ctx.case, need_a, need_b), None, None, None)

    @staticmethod
    def jvp(ctx: Context, da: Tensor | None, db: Tensor | None, *_: None) -> Tensor | None:
        """Apply the product rule."""
        a, b = ctx.saved_tensors
        return _jvp(ctx.out, a, b, da, db, ctx.case)


class Affine(torch.autograd.Function):
    """The forward map plus the bias."""

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        w: Tensor,
        bias: Tensor | None,
        case: Case,
        run: Callable[..., Tensor],
    ) -> Tensor:
        """Run the map."""
        _remember(ctx, case, x, w)
        return run(x, w, bias, case)

    @staticmethod
    def backward(ctx: Context, g: Tensor | None) -> tuple[Any, ...]:
        """Compute what is asked for; both at once share the method's work."""
        if g is None:
            return None, None, None, None, None
        x, w = ctx.saved_tensors
        need_x, need_w, need_bias = ctx.needs_input_grad[:3]
        if g.is_complex():
            x, w = x.conj(), w.conj()
        gx, gw = grads(g, x, w, ctx.case, need_x, need_w)
        return gx, gw, g.sum((0, 2, 3)) if need_bias else None, None, None

    @staticmethod
    def jvp(
        ctx: Context, dx: Tensor | None, dw: Tensor | None, dbias: Tensor | None, *_: None
    ) -> Tensor | None:
        """Apply the product rule; the bias's change reaches every pixel."""
        x, w = ctx.saved_tensors
        dy = _jvp("y", x, w, dx, dw, ctx.case)
        if dbias is None:
            return dy
        spread = dbias.view(-1, 1, 1).expand(ctx.case.geometry.output_shape)
        return _added(dy, spread)


class Grads(torch.autograd.Function):
    """grad_input and grad_weight of the same gradient, which share work in some methods."""

    @staticmethod
    def forward(
        ctx: Context,
        g: Tensor,
        x: Tensor,
        w: Tensor,
        case: Case,
        run: Callable[..., tuple[Tensor, Tensor]],
    ) -> tuple[Tensor, Tensor]:
        """Run both maps."""
        _remember(ctx, case, g, x, w)
        return run(g, x, w, case)

    @staticmethod
    def backward(ctx: Context, vx: Tensor | None, vw: Tensor | None) -> tuple[Any, ...]:
        """Differentiate the two maps one by one and add what both say of `g`."""
        g, x, w = ctx.saved_tensors
        need_g, need_x, need_w = ctx.needs_input_grad[:3]
        from_input = _vjp("x", w, g, vx, ctx.case, need_w, need_g)
        from_weight = _vjp("w", x, g, vw, ctx.case, need_x, need_g)
        return _added(from_input[1], from_weight[1]), from_weight[0], from_input[0], None, None

    @staticmethod
    def jvp(
        ctx: Context, dg: Tensor | None, dx: Tensor | None, dw: Tensor | None, *_: None
    ) -> tuple[Tensor | None, Tensor | None]:
        """Apply the product rule to both."""
        g, x, w = ctx.saved_tensors
        return _jvp("x", w, g, dw, dg, ctx.case), _jvp("w", x, g, dx, dg, ctx.case)


def _vjp(
    out: Slot, a: Tensor, b: Tensor, v: Tensor | None, case: Case, need_a: bool, need_b: bool
) -> tuple[Tensor | None, Tensor | None]:
    """Pull `v`, a gradient of the slot `out`, back to both operands."""
    if v is None:
        return None, None
    slot_a, slot_b = OPERANDS[out]
    if v.is_complex():
        a, b = a.conj(), b.conj()
    return (
        _fill_from(slot_a, {slot_b: b, out: v}, case) if need_a else None,
        _fill_from(slot_b, {slot_a: a, out: v}, case) if need_b else None,
    )


def _jvp(
    out: Slot, a: Tensor, b: Tensor, da: Tensor | None, db: Tensor | None, case: Case
) -> Tensor | None:
    """Push changes of the operands forward to the slot `out`."""
    return _added(
        None if da is None else fill(out, da, b, case),
        None if db is None else fill(out, a, db, case),
    )


def _fill_from(out: Slot, slots: dict[Slot, Tensor], case: Case) -> Tensor:
    first, second = OPERANDS[out]
    return fill(out, slots[first], slots[second], case)


def _added(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other


def _remember(ctx: Context, case: Case, *operands: Tensor) -> None:
    ctx.save_for_backward(*operands)
    if case.method is None:
        ctx.save_for_forward(*operands)
    ctx.set_materialize_grads(False)
    ctx.case = case


def _fill_by_operator(out: Slot, a: Tensor, b: Tensor, case: Case) -> Tensor:
    geometry, numbers = case.geometry, _numbers(case)
    filled: Tensor
    if out == "y":
        filled = _operator("conv2d")(a, b, None, *numbers)
    elif out == "x":
        filled = _operator("grad_input")(b, a, geometry.input_size, *numbers)
    else:
        filled = _operator("grad_weight")(a, b, geometry.kernel_size, *numbers)
    return filled


def _operator(name: str) -> Callable[..., Any]:
    operator: Callable[..., Any] = getattr(torch.ops.fftconv, name)
    return operator


def _numbers(case: Case) -> tuple[Any, ...]:
    """Return what every operator takes after its tensors."""
    geometry = case.geometry
    return geometry.stride, geometry.padding, geometry.dilation, geometry.groups, case.name
