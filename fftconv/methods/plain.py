"""The prepared case of a method that is three functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from fftconv.methods.maps import Maps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fftconv.geometry import Geometry


class Plain(Protocol):
    """What is used here of a `fftconv.Method`."""

    name: str

    def forward(self, x: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
        """Cross-correlate."""

    def grad_input(self, g: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
        """Gradient with respect to the input."""

    def grad_weight(self, x: Tensor, g: Tensor, geometry: Geometry) -> Tensor:
        """Gradient with respect to the weight."""


class PlainMaps(Maps):
    """Somebody's maps, and what the rest of the package relies on of a result."""

    def __init__(self, method: Plain, geometry: Geometry) -> None:
        self._method, self._geometry = method, geometry

    def forward(self, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
        """Cross-correlate and add the bias."""
        geometry = self._geometry
        with torch.no_grad():
            y = self._method.forward(x, w, geometry)
            y = self._checked("forward", y, geometry.output_shape, (x, w))
            return y if bias is None else y + bias.view(-1, 1, 1)

    def grad_input(self, g: Tensor, w: Tensor) -> Tensor:
        """Gradient with respect to the input."""
        geometry = self._geometry
        with torch.no_grad():
            gx = self._method.grad_input(g, w, geometry)
            return self._checked("grad_input", gx, geometry.input_shape, (g, w))

    def grad_weight(self, x: Tensor, g: Tensor) -> Tensor:
        """Gradient with respect to the weight."""
        geometry = self._geometry
        with torch.no_grad():
            gw = self._method.grad_weight(x, g, geometry)
            return self._checked("grad_weight", gw, geometry.weight_shape, (x, g))

    def _checked(
        self, name: str, result: object, shape: Sequence[int], operands: tuple[Tensor, Tensor]
    ) -> Tensor:
        """Return a dense tensor of its own, or say what is wrong with a result."""
        what = f"{name} of method {self._method.name!r} must return"
        if not isinstance(result, Tensor):
            raise TypeError(f"{what} a Tensor, got {type(result).__name__}")
        if tuple(result.shape) != tuple(shape):
            raise RuntimeError(f"{what} shape {tuple(shape)}, got {tuple(result.shape)}")
        like = operands[0]
        if result.dtype != like.dtype or result.device != like.device:
            raise RuntimeError(
                f"{what} {like.dtype} on {like.device}, got {result.dtype} on {result.device}"
            )
        result = result.resolve_conj().resolve_neg()
        if not result.is_contiguous(memory_format=torch.channels_last):
            result = result.contiguous()
        places = [operand.untyped_storage().data_ptr() for operand in operands]
        return result.clone() if result.untyped_storage().data_ptr() in places else result
