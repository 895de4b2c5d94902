"""Maps made of others: cast, of nothing, and with a method of its own for each map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fftconv.methods.maps import Maps

if TYPE_CHECKING:
    from torch import Tensor

    from fftconv.geometry import Geometry
    from fftconv.methods.maps import Gradients, Kept, Tensors


class Cast(Maps):
    """Maps that compute in another dtype than their operands have, and round the result."""

    def __init__(self, maps: Maps, dtype: torch.dtype, device: torch.device) -> None:
        """Take the maps, the dtype that they compute in and the device that they work on."""
        self._maps, self._dtype, self._device = maps, dtype, device.type
        self.keeps = maps.keeps

    def forward(self, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
        """Cross-correlate and add the bias."""
        with torch.autocast(self._device, enabled=False):
            wide = None if bias is None else bias.to(self._dtype)
            return self._maps.forward(x.to(self._dtype), w.to(self._dtype), wide).to(x.dtype)

    def forward_kept(self, x: Tensor, w: Tensor, bias: Tensor | None) -> Kept:
        """Cross-correlate, and keep what the gradients can use again, in the wider dtype."""
        with torch.autocast(self._device, enabled=False):
            wide = None if bias is None else bias.to(self._dtype)
            y, kept = self._maps.forward_kept(x.to(self._dtype), w.to(self._dtype), wide)
            return y.to(x.dtype), kept

    def grad_input(self, g: Tensor, w: Tensor) -> Tensor:
        """Gradient with respect to the input."""
        with torch.autocast(self._device, enabled=False):
            return self._maps.grad_input(g.to(self._dtype), w.to(self._dtype)).to(g.dtype)

    def grad_weight(self, x: Tensor, g: Tensor) -> Tensor:
        """Gradient with respect to the weight."""
        with torch.autocast(self._device, enabled=False):
            return self._maps.grad_weight(x.to(self._dtype), g.to(self._dtype)).to(x.dtype)

    def grads(
        self,
        g: Tensor,
        x: Tensor,
        w: Tensor,
        need_input: bool = True,
        need_weight: bool = True,
        kept: Tensors = (),
    ) -> Gradients:
        """Both gradients, which may share work."""
        with torch.autocast(self._device, enabled=False):
            wide_g, wide_x, wide_w = (tensor.to(self._dtype) for tensor in (g, x, w))
            gx, gw = self._maps.grads(wide_g, wide_x, wide_w, need_input, need_weight, kept)
            return None if gx is None else gx.to(g.dtype), None if gw is None else gw.to(g.dtype)


class Empty(Maps):
    """Maps of a case with nothing to multiply: zeros, about whose shapes backends disagree."""

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry

    def forward(self, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return zeros, or the bias alone."""
        y = x.new_zeros(self._geometry.output_shape)
        return y if bias is None else y + bias.view(-1, 1, 1)

    def grad_input(self, g: Tensor, w: Tensor) -> Tensor:
        """Return zeros."""
        return g.new_zeros(self._geometry.input_shape)

    def grad_weight(self, x: Tensor, g: Tensor) -> Tensor:
        """Return zeros."""
        return x.new_zeros(self._geometry.weight_shape)


class Mixed(Maps):
    """Three maps of up to three methods, as a plan says."""

    def __init__(self, forward: Maps, grad_input: Maps, grad_weight: Maps) -> None:
        """Take the maps to take each map from; what forward keeps is for the weight's gradient."""
        self._forward, self._grad_input, self._grad_weight = forward, grad_input, grad_weight
        self.keeps = forward is grad_weight and forward.keeps
        self.torch_transposes = grad_input.torch_transposes

    def forward(self, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
        """Cross-correlate and add the bias."""
        return self._forward.forward(x, w, bias)

    def forward_kept(self, x: Tensor, w: Tensor, bias: Tensor | None) -> Kept:
        """Cross-correlate, and keep what the weight's gradient can use again."""
        if self._forward.keeps and not self.keeps:  # another method would have no use for it
            return self._forward.forward(x, w, bias), ()
        return self._forward.forward_kept(x, w, bias)

    def grad_input(self, g: Tensor, w: Tensor) -> Tensor:
        """Gradient with respect to the input."""
        return self._grad_input.grad_input(g, w)

    def grad_weight(self, x: Tensor, g: Tensor) -> Tensor:
        """Gradient with respect to the weight."""
        return self._grad_weight.grad_weight(x, g)

    def grads(
        self,
        g: Tensor,
        x: Tensor,
        w: Tensor,
        need_input: bool = True,
        need_weight: bool = True,
        kept: Tensors = (),
    ) -> Gradients:
        """Both gradients, together where one method serves both."""
        if self._grad_input is self._grad_weight:
            return self._grad_weight.grads(g, x, w, need_input, need_weight, kept)
        gx = self._grad_input.grad_input(g, w) if need_input else None
        _, gw = self._grad_weight.grads(g, x, w, False, need_weight, kept)
        return gx, gw
