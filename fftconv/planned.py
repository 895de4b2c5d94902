"""A method made of others: one for each of the three maps, as a plan says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fftconv.methods import AUTO, REGISTRY, Method
from fftconv.methods.method import Ready

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from fftconv.geometry import Geometry
    from fftconv.methods.method import Gradients, Tensors
    from fftconv.planning.costs import Map


class Planned(Method):
    """A plan's methods, one for each map."""

    name = AUTO
    backend = "as planned"
    summary = "for each map the method that the cost model predicts to be fastest"

    def __init__(self, chosen: Mapping[Map, str]) -> None:
        self._forward = REGISTRY[chosen["forward"]]
        self._grad_input = REGISTRY[chosen["grad_input"]]
        self._grad_weight = REGISTRY[chosen["grad_weight"]]

    def unsupported(
        self, geometry: Geometry, dtype: torch.dtype, device: torch.device
    ) -> str | None:
        """Nothing: the plan was made for the case."""
        return None

    def forward(self, x: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
        """Cross-correlate `x` with `w`."""
        return self._forward.forward(x, w, geometry)

    def affine(self, x: Tensor, w: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        """Cross-correlate and add the bias."""
        return self._forward.affine(x, w, bias, geometry)

    def grad_input(self, g: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
        """Gradient with respect to the input."""
        return self._grad_input.grad_input(g, w, geometry)

    def grad_weight(self, x: Tensor, g: Tensor, geometry: Geometry) -> Tensor:
        """Gradient with respect to the weight."""
        return self._grad_weight.grad_weight(x, g, geometry)

    def grads(
        self,
        g: Tensor,
        x: Tensor,
        w: Tensor,
        geometry: Geometry,
        need_input: bool,
        need_weight: bool,
    ) -> Gradients:
        """Both gradients, together where one method serves both."""
        if self._grad_input is self._grad_weight:
            return self._grad_input.grads(g, x, w, geometry, need_input, need_weight)
        return super().grads(g, x, w, geometry, need_input, need_weight)

    def ready(self, geometry: Geometry, dtype: torch.dtype, device: torch.device) -> Ready:
        """Return the methods' own ready maps; what forward keeps is for the weight's gradient."""
        forward, of_input, of_weight = (
            method.ready(geometry, dtype, device)
            for method in (self._forward, self._grad_input, self._grad_weight)
        )
        together = self._grad_input is self._grad_weight
        affine_kept = forward.affine_kept if self._forward is self._grad_weight else None

        def grads(
            g: Tensor, x: Tensor, w: Tensor, need_input: bool, need_weight: bool, kept: Tensors
        ) -> Gradients:
            if together:
                return of_weight.grads(g, x, w, need_input, need_weight, kept)
            gx = gw = None
            if need_input:
                gx, _ = of_input.grads(g, x, w, True, False, ())
            if need_weight:
                _, gw = of_weight.grads(g, x, w, False, True, kept)
            return gx, gw

        return Ready(forward.affine, grads, affine_kept)
