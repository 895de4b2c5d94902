"""Plain eager calls, recorded for backward by what was made ready for their case."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from fftconv import autograd, execution
from fftconv.execution import Case
from fftconv.methods.method import Ready
from fftconv.watchers import is_plain


def affine(x: Tensor, w: Tensor, bias: Tensor | None, case: Case) -> Tensor:
    """Return the forward map plus the bias of plain tensors, differentiable."""
    if torch.is_grad_enabled() and (
        x.requires_grad or w.requires_grad or (bias is not None and bias.requires_grad)
    ):
        return recorder(case, x.dtype, x.device)(x, w, bias)
    return execution.run_affine(x, w, bias, case)


@lru_cache(maxsize=4096)
def recorder(case: Case, dtype: torch.dtype, device: torch.device) -> Callable[..., Tensor]:
    """Return the forward map plus the bias for plain tensors, recorded for backward."""
    method, geometry = case.method, case.geometry
    assert method is not None, "a traced case is recorded by its operator"
    if method.torch_records and not case.empty:
        # Half of what a small layer costs would be our function in the place of torch's own.
        return lambda x, w, bias=None: method.affine(x, w, bias, geometry)
    if case.compute is not None or case.empty or dtype.is_complex:
        return lambda x, w, bias=None: apply(
            autograd.Affine, x, w, bias, case, execution.run_affine
        )
    ready = method.ready(geometry, dtype, device)
    return lambda x, w, bias=None: apply(Recorded, x, w, bias, case, ready)


class Context(autograd.Context):
    """What is kept between forward and backward."""

    ready: Ready


class Recorded(torch.autograd.Function):
    """`autograd.Affine` for plain real tensors, by maps that were made ready for the case."""

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, w: Tensor, bias: Tensor | None, case: Case, ready: Ready
    ) -> Tensor:
        """Run the map, and keep what backward can use again."""
        ctx.case, ctx.ready = case, ready
        ctx.set_materialize_grads(False)
        if ready.affine_kept is None or not ctx.needs_input_grad[1]:
            ctx.save_for_backward(x, w)
            return ready.affine(x, w, bias)
        y, kept = ready.affine_kept(x, w, bias)
        ctx.save_for_backward(x, w, *kept)
        return y

    @staticmethod
    def backward(ctx: Context, g: Tensor | None) -> tuple[Any, ...]:
        """Run the ready maps, unless backward itself is recorded or watched."""
        if g is None:
            return None, None, None, None, None
        x, w, *kept = ctx.saved_tensors
        need_x, need_w, need_bias, _, _ = ctx.needs_input_grad
        if not torch.is_grad_enabled() and is_plain(g):
            gx, gw = ctx.ready.grads(g, x, w, need_x, need_w, tuple(kept))
        else:
            gx, gw = autograd.grads(g, x, w, ctx.case, need_x, need_w)
        return gx, gw, g.sum((0, 2, 3)) if need_bias else None, None, None


apply: Callable[..., Tensor] = autograd.record
