"""The one place where gradients are wired, for every method and of any order.

With T(x, w, y) the trilinear form of `fftconv.methods.maps.Maps`, each map fills one slot of T from
the other two, so the gradient of a map is again a map:

    out = fill(a, b):   grad_a = fill_a(out=v, conj(b)),   grad_b = fill_b(out=v, conj(a))

and the three maps are closed under differentiation. Eager calls on plain tensors run the method's
maps, which takes a few microseconds; whatever watches or rewrites tensors (torch.compile,
torch.export, torch.func, forward-mode differentiation, dispatch modes, subclasses) gets the
operators of `fftconv._operators`, which are wired by the same functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.autograd.function import FunctionCtx

from fftconv._torch_state import OneLevelFunction, below_autograd, is_plain, primal, with_tangents
from fftconv.methods.maps import OPERANDS, Maps

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from fftconv.geometry import Geometry
    from fftconv.methods.maps import Gradients, Slot, Tensors


@dataclass(frozen=True, slots=True)
class Case:
    """A geometry and what serves it.

    Attributes
    ----------
    geometry
        The sizes; symbolic ones while a program is traced.
    name
        The method's name as the user gave it.
    maps
        What computes: a method's maps, or below the present level of differentiation the operators.
    traced
        Whether they are the operators.
    conjugates
        Whether the tensors may be complex, whose gradients take conjugates.
    records
        Whether a call is to be recorded by `Affine`.
    """

    geometry: Geometry
    name: str
    maps: Maps
    traced: bool = False
    conjugates: bool = False
    records: bool = False


class Operators(Maps):
    """The maps as `torch.ops.fftconv`, for tensors that are watched or rewritten."""

    def __init__(self, geometry: Geometry, name: str, below: bool = False) -> None:
        """Take a geometry, a method's name, and whether to call below the present level."""
        self._geometry, self._below = geometry, below
        self._numbers = (
            geometry.stride, geometry.padding, geometry.dilation, geometry.groups, name,
        )  # fmt: skip
        self._call: Callable[..., Any] = below_autograd(_call) if below else _call

    def forward(self, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
        """Call the operator."""
        y: Tensor = self._call("conv2d", x, w, bias, *self._numbers)
        return y

    def grad_input(self, g: Tensor, w: Tensor) -> Tensor:
        """Call the operator."""
        size = self._geometry.input_size
        gx: Tensor = self._call("grad_input", g, w, size, *self._numbers)
        return gx

    def grad_weight(self, x: Tensor, g: Tensor) -> Tensor:
        """Call the operator."""
        size = self._geometry.kernel_size
        gw: Tensor = self._call("grad_weight", x, g, size, *self._numbers)
        return gw

    def grads(
        self,
        g: Tensor,
        x: Tensor,
        w: Tensor,
        need_input: bool = True,
        need_weight: bool = True,
        kept: Tensors = (),
    ) -> Gradients:
        """Call one operator for both gradients."""
        if not (need_input and need_weight):
            return super().grads(g, x, w, need_input, need_weight)
        both: tuple[Tensor, Tensor] = self._call("grads", g, x, w, *self._numbers)
        return both


def _call(name: str, *operands: object) -> Any:
    return getattr(torch.ops.fftconv, name)(*operands)


def fill(out: Slot, a: Tensor, b: Tensor, case: Case) -> Tensor:
    """Fill the slot `out` of the trilinear form from its two operands, differentiable."""
    if case.traced or not is_plain(a, b):
        return Operators(case.geometry, case.name).fill(out, a, b)
    if torch.is_grad_enabled() and (a.requires_grad or b.requires_grad):
        filled: Tensor = record(Map, a, b, out, case)
        return filled
    return case.maps.fill(out, a, b)


def grads(g: Tensor, x: Tensor, w: Tensor, case: Case, need_x: bool, need_w: bool) -> Gradients:
    """Return (gradient of the input, gradient of the weight) where needed, differentiable."""
    if case.traced or not is_plain(g, x, w):
        return Operators(case.geometry, case.name).grads(g, x, w, need_x, need_w)
    if not (torch.is_grad_enabled() and (g.requires_grad or x.requires_grad or w.requires_grad)):
        return case.maps.grads(g, x, w, need_x, need_w)
    if need_x and need_w:
        both: tuple[Tensor, Tensor] = record(Grads, g, x, w, case)
        return both
    return (
        fill("x", w, g, case) if need_x else None,
        fill("w", x, g, case) if need_w else None,
    )


def record(function: type[OneLevelFunction], *arguments: object) -> Any:
    """Apply `function` at the present level of differentiation.

    `torch.autograd.Function` asks about torch.func first, which costs microseconds for nothing:
    plain calls are asked before, and an operator gets here inside of its level.
    """
    return function.apply(*arguments)  # type: ignore[attr-defined]


class Context(FunctionCtx):
    """What the functions below keep between forward and backward."""

    case: Case
    out: Slot
    saved_tensors: tuple[Tensor, ...]
    needs_input_grad: tuple[bool, ...]


class Affine(OneLevelFunction):
    """The forward map plus the bias."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, w: Tensor, bias: Tensor | None, case: Case) -> Tensor:
        """Run the map, and keep what backward can use again."""
        ctx.case, maps = case, case.maps
        ctx.set_materialize_grads(False)
        if ctx.needs_input_grad[1]:
            y, kept = maps.forward_kept(x, w, bias)
        else:
            y, kept = maps.forward(x, w, bias), ()
        ctx.save_for_backward(x, w, *kept)
        if case.traced:
            ctx.save_for_forward(x, w)
        return y

    @staticmethod
    def backward(ctx: Context, g: Tensor | None) -> tuple[Any, ...]:
        """Compute what is asked for; both at once share the method's work."""
        if g is None:
            return None, None, None, None
        case = ctx.case
        x, w, *kept = ctx.saved_tensors
        need_x, need_w, need_bias, _ = ctx.needs_input_grad
        if not (case.traced or case.conjugates or torch.is_grad_enabled()) and is_plain(g):
            gx, gw = case.maps.grads(g, x, w, need_x, need_w, tuple(kept))
        else:
            if g.is_complex():
                x, w = x.conj(), w.conj()
            gx, gw = grads(g, x, w, case, need_x, need_w)
        return gx, gw, g.sum((0, 2, 3)) if need_bias else None, None

    @staticmethod
    @with_tangents
    def jvp(
        ctx: Context, dx: Tensor | None, dw: Tensor | None, dbias: Tensor | None, *_: None
    ) -> Tensor | None:
        """Apply the product rule; the bias's change reaches every pixel."""
        x, w = map(primal, ctx.saved_tensors)
        dy = _jvp("y", x, w, dx, dw, ctx.case)
        if dbias is None:
            return dy
        spread = dbias.view(-1, 1, 1).expand(ctx.case.geometry.output_shape)
        return _added(dy, spread)


class Map(OneLevelFunction):
    """One of the three bilinear maps."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, b: Tensor, out: Slot, case: Case) -> Tensor:
        """Run the map."""
        _remember(ctx, case, a, b)
        ctx.out = out
        return case.maps.fill(out, a, b)

    @staticmethod
    def backward(ctx: Context, v: Tensor | None) -> tuple[Any, ...]:
        """Fill each operand's slot from the gradient and the other operand."""
        a, b = ctx.saved_tensors
        need_a, need_b = ctx.needs_input_grad[:2]
        return (*_vjp(ctx.out, a, b, v, ctx.case, need_a, need_b), None, None)

    @staticmethod
    @with_tangents
    def jvp(ctx: Context, da: Tensor | None, db: Tensor | None, *_: None) -> Tensor | None:
        """Apply the product rule."""
        a, b = map(primal, ctx.saved_tensors)
        return _jvp(ctx.out, a, b, da, db, ctx.case)


class Grads(OneLevelFunction):
    """grad_input and grad_weight of the same gradient, which share work in some methods."""

    @staticmethod
    def forward(ctx: Context, g: Tensor, x: Tensor, w: Tensor, case: Case) -> Gradients:
        """Run both maps."""
        _remember(ctx, case, g, x, w)
        return case.maps.grads(g, x, w)

    @staticmethod
    def backward(ctx: Context, vx: Tensor | None, vw: Tensor | None) -> tuple[Any, ...]:
        """Differentiate the two maps one by one and add what both say of `g`."""
        g, x, w = ctx.saved_tensors
        need_g, need_x, need_w = ctx.needs_input_grad[:3]
        from_input = _vjp("x", w, g, vx, ctx.case, need_w, need_g)
        from_weight = _vjp("w", x, g, vw, ctx.case, need_x, need_g)
        return _added(from_input[1], from_weight[1]), from_weight[0], from_input[0], None

    @staticmethod
    @with_tangents
    def jvp(
        ctx: Context, dg: Tensor | None, dx: Tensor | None, dw: Tensor | None, *_: None
    ) -> tuple[Tensor | None, Tensor | None]:
        """Apply the product rule to both."""
        g, x, w = map(primal, ctx.saved_tensors)
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
    if case.traced:
        ctx.save_for_forward(*operands)
    ctx.set_materialize_grads(False)
    ctx.case = case
