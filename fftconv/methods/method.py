"""What a convolution method is: three bilinear maps, and a sentence where it cannot serve."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import Tensor

from fftconv.geometry import Geometry

if TYPE_CHECKING:
    from collections.abc import Callable

    Tensors: TypeAlias = tuple[Tensor, ...]
    Kept: TypeAlias = tuple[Tensor, Tensors]
    Gradients: TypeAlias = tuple[Tensor | None, Tensor | None]

HALVES = (torch.float16, torch.bfloat16)


@dataclass(frozen=True, slots=True)
class Ready:
    """The maps of one case, made ready for many calls: those of `Method` without the geometry.

    ``affine_kept`` also returns what ``grads`` can use again for the same operands; None where
    nothing is.
    """

    affine: Callable[..., Tensor]
    grads: Callable[[Tensor, Tensor, Tensor, bool, bool, Tensors], Gradients]
    affine_kept: Callable[[Tensor, Tensor, Tensor | None], Kept] | None = None


def add_bias(y: Tensor, bias: Tensor) -> Tensor:
    """Add one number per output channel to `y`, in place."""
    return y.add_(bias.detach().view(-1, 1, 1))


class Method(ABC):
    """One algorithm for 2-D cross-correlation and both of its gradients.

    With x the input (N, C_in, H, W), w the weight (C_out, C_in / groups, kH, kW) and g a tensor
    shaped as the output (N, C_out, H_out, W_out), the maps are the three ways to fill in one
    argument of the trilinear form

        T(x, w, g) = sum(forward(x, w) * g) = sum(x * grad_input(g, w)) = sum(w * grad_weight(x, g))

    No map conjugates anything: that is the business of automatic differentiation, as is every
    gradient of a gradient (see `fftconv.autograd`).

    A map receives detached tensors of the geometry's shapes, any strides, equal dtype and device,
    never empty, in a dtype that `compute_dtype` returned, after `unsupported` returned None for
    it. It returns a new dense tensor that shares no memory with its arguments. It may run in
    several Python threads at once.
    """

    name: str
    """What the user passes as ``method=``."""

    backend: str
    """The library that executes it."""

    summary: str
    """What it is good for, one line."""

    torch_records: bool = False
    """Whether torch itself differentiates `affine`, any number of times: nothing to wire then."""

    def unavailable(self) -> str | None:
        """Say in one sentence why the method cannot be used on this machine, None if it can."""
        return None

    @abstractmethod
    def unsupported(
        self, geometry: Geometry, dtype: torch.dtype, device: torch.device
    ) -> str | None:
        """Say in one sentence why the method cannot do this case, None if it can.

        `dtype` is what `compute_dtype` returned, so a method without native halves never sees one.
        """

    def compute_dtype(self, dtype: torch.dtype, device: torch.device) -> torch.dtype:
        """Return the dtype that the maps are to be called in; the result is cast back.

        Half precisions are computed in float32 unless a method says otherwise.
        """
        return torch.float32 if dtype in HALVES else dtype

    @abstractmethod
    def forward(self, x: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
        """Cross-correlate `x` with `w`."""

    @abstractmethod
    def grad_input(self, g: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
        """Return the gradient of ``sum(forward(x, w) * g)`` with respect to x."""

    @abstractmethod
    def grad_weight(self, x: Tensor, g: Tensor, geometry: Geometry) -> Tensor:
        """Return the gradient of ``sum(forward(x, w) * g)`` with respect to w."""

    def affine(self, x: Tensor, w: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        """Return ``forward(x, w)`` plus one number per output channel.

        A method whose backend adds the bias in the same pass overrides this.
        """
        y = self.forward(x, w, geometry)
        return y if bias is None else add_bias(y, bias)

    def ready(self, geometry: Geometry, dtype: torch.dtype, device: torch.device) -> Ready:
        """Return the maps for many calls of one case; operands may have any strides, and a history.

        A method that can find out more beforehand, or computes something in both passes, overrides
        this.
        """
        del dtype, device

        def affine(x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
            bias = None if bias is None else bias.detach()
            return self.affine(x.detach(), w.detach(), bias, geometry)

        def grads(
            g: Tensor, x: Tensor, w: Tensor, need_input: bool, need_weight: bool, kept: Tensors
        ) -> Gradients:
            operands = g.detach(), x.detach(), w.detach()
            return self.grads(*operands, geometry, need_input, need_weight)

        return Ready(affine, grads)

    def grads(
        self,
        g: Tensor,
        x: Tensor,
        w: Tensor,
        geometry: Geometry,
        need_input: bool,
        need_weight: bool,
    ) -> Gradients:
        """Return the gradients that are asked for.

        A method that shares work between the two overrides this.
        """
        return (
            self.grad_input(g, w, geometry) if need_input else None,
            self.grad_weight(x, g, geometry) if need_weight else None,
        )
