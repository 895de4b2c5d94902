"""Run one map of a method on real tensors: what every method would otherwise do for itself.

Choosing the method, casting what it has no kernels for, and empty tensors, which the backends
disagree about, are settled here. Nothing here records a gradient; see `fftconv.autograd`.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from fftconv.geometry import Geometry
from fftconv.methods import Method
from fftconv.planner import resolve

Slot: TypeAlias = Literal["x", "w", "y"]
"""An argument of the trilinear form T(x, w, y): input, weight, or what is shaped as the output."""

OPERANDS: dict[Slot, tuple[Slot, Slot]] = {"x": ("w", "y"), "w": ("x", "y"), "y": ("x", "w")}
"""What each slot is filled from: grad_input, grad_weight and forward, in this order of operands."""


@dataclass(frozen=True, slots=True)
class Case:
    """A geometry and who serves it.

    Attributes
    ----------
    geometry
        The sizes; symbolic ones while a program is traced.
    name
        The method's name as the user gave it.
    method
        What the name resolved to; None while a program is traced.
    compute
        The dtype that the method computes in, None if it is the tensors' own.
    """

    geometry: Geometry
    name: str
    method: Method | None = None
    compute: torch.dtype | None = None


@lru_cache(maxsize=4096, typed=True)
def prepare(
    input_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    stride: int | tuple[int, ...],
    padding: int | tuple[int, ...] | str,
    dilation: int | tuple[int, ...],
    groups: int,
    name: str,
    dtype: torch.dtype,
    device: torch.device,
    needs_grad: bool,
) -> Case:
    """Check a call's arguments and choose its method, once for each distinct call.

    Raises
    ------
    RuntimeError, TypeError, ValueError, NotImplementedError
        As `Geometry.of` and `fftconv.planner.resolve` do.
    """
    geometry = Geometry.of(input_shape, weight_shape, stride, padding, dilation, groups)
    return choose(geometry, name, dtype, device, needs_grad)


@lru_cache(maxsize=4096)
def choose(
    geometry: Geometry, name: str, dtype: torch.dtype, device: torch.device, needs_grad: bool
) -> Case:
    """Choose the method of a checked geometry."""
    method = resolve(name, geometry, dtype, device, needs_grad)
    compute = method.compute_dtype(dtype, device)
    return Case(geometry, name, method, None if compute == dtype else compute)


def run_affine(x: Tensor, w: Tensor, bias: Tensor | None, case: Case) -> Tensor:
    """Return the forward map plus the bias."""
    method, geometry, compute = _resolved(case), case.geometry, case.compute
    if geometry.macs == 0:
        y = x.new_zeros(geometry.output_shape)
        return y if bias is None else y + bias.detach().view(-1, 1, 1)
    x, w = x.detach(), w.detach()
    if bias is not None:
        bias = bias.detach()
    if compute is None:
        return method.affine(x, w, bias, geometry)
    with torch.autocast(x.device.type, enabled=False):
        wide = None if bias is None else bias.to(compute)
        return method.affine(x.to(compute), w.to(compute), wide, geometry).to(x.dtype)


def run_map(out: Slot, a: Tensor, b: Tensor, case: Case) -> Tensor:
    """Fill the slot `out` from its two operands."""
    if out == "y":
        return run_affine(a, b, None, case)
    gx, gw = run_grads(b, None, a, case) if out == "x" else run_grads(b, a, None, case)
    result = gx if out == "x" else gw
    assert result is not None
    return result


def run_grads(
    g: Tensor, x: Tensor | None, w: Tensor | None, case: Case
) -> tuple[Tensor | None, Tensor | None]:
    """Return (grad_input, grad_weight); the one whose other operand is None is not computed."""
    method, geometry, compute = _resolved(case), case.geometry, case.compute
    if geometry.macs == 0:
        return (
            None if w is None else g.new_zeros(geometry.input_shape),
            None if x is None else g.new_zeros(geometry.weight_shape),
        )
    g, dtype = g.detach(), g.dtype
    x = None if x is None else x.detach()
    w = None if w is None else w.detach()
    if compute is None:
        return _grads(method, g, x, w, geometry)
    with torch.autocast(g.device.type, enabled=False):
        wide_x = None if x is None else x.to(compute)
        wide_w = None if w is None else w.to(compute)
        gx, gw = _grads(method, g.to(compute), wide_x, wide_w, geometry)
        return None if gx is None else gx.to(dtype), None if gw is None else gw.to(dtype)


def _grads(
    method: Method, g: Tensor, x: Tensor | None, w: Tensor | None, geometry: Geometry
) -> tuple[Tensor | None, Tensor | None]:
    if x is not None and w is not None:
        return method.grads(g, x, w, geometry, True, True)
    return (
        None if w is None else method.grad_input(g, w, geometry),
        None if x is None else method.grad_weight(x, g, geometry),
    )


def _resolved(case: Case) -> Method:
    assert case.method is not None, "a traced case has no method to run"
    return case.method
