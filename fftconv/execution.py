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
    empty
        Whether there is nothing to multiply, so that every result is zero.
    """

    geometry: Geometry
    name: str
    method: Method | None = None
    compute: torch.dtype | None = None
    empty: bool = False


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
    empty = geometry.macs == 0
    return Case(geometry, name, method, None if compute == dtype else compute, empty)


def run_affine(x: Tensor, w: Tensor, bias: Tensor | None, case: Case) -> Tensor:
    """Return the forward map plus the bias."""
    method, geometry, compute = _resolved(case), case.geometry, case.compute
    if case.empty:
        y = x.new_zeros(geometry.output_shape)
        return y if bias is None else y + bias.detach().view(-1, 1, 1)
    x, w = _data(x), _data(w)
    if bias is not None:
        bias = _data(bias)
    if compute is None:
        return method.affine(x, w, bias, geometry)
    with torch.autocast(x.device.type, enabled=False):
        wide = None if bias is None else bias.to(compute)
        return method.affine(x.to(compute), w.to(compute), wide, geometry).to(x.dtype)


def run_map(out: Slot, a: Tensor, b: Tensor, case: Case) -> Tensor:
    """Fill the slot `out` from its two operands."""
    if out == "y":
        return run_affine(a, b, None, case)
    method, geometry, compute = _resolved(case), case.geometry, case.compute
    shape = geometry.input_shape if out == "x" else geometry.weight_shape
    if case.empty:
        return a.new_zeros(shape)
    a, b = _data(a), _data(b)
    if compute is None:
        return _grad(method, out, a, b, geometry)
    with torch.autocast(a.device.type, enabled=False):
        return _grad(method, out, a.to(compute), b.to(compute), geometry).to(a.dtype)


def _grad(method: Method, out: Slot, a: Tensor, b: Tensor, geometry: Geometry) -> Tensor:
    if out == "x":
        return method.grad_input(b, a, geometry)
    return method.grad_weight(a, b, geometry)


def run_grads(
    g: Tensor,
    x: Tensor,
    w: Tensor,
    case: Case,
    need_x: bool = True,
    need_w: bool = True,
) -> tuple[Tensor | None, Tensor | None]:
    """Return (grad_input, grad_weight) where needed."""
    method, geometry, compute = _resolved(case), case.geometry, case.compute
    if case.empty:
        return (
            g.new_zeros(geometry.input_shape) if need_x else None,
            g.new_zeros(geometry.weight_shape) if need_w else None,
        )
    g, x, w = _data(g), _data(x), _data(w)
    if compute is None:
        return method.grads(g, x, w, geometry, need_x, need_w)
    with torch.autocast(g.device.type, enabled=False):
        gx, gw = method.grads(g.to(compute), x.to(compute), w.to(compute), geometry, need_x, need_w)
        return None if gx is None else gx.to(g.dtype), None if gw is None else gw.to(g.dtype)


def _data(tensor: Tensor) -> Tensor:
    """Return the tensor without its history; a new one only where there is any."""
    return tensor.detach() if tensor.requires_grad else tensor


def _resolved(case: Case) -> Method:
    assert case.method is not None, "a traced case has no method to run"
    return case.method
