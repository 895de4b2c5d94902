"""Filters of one column, which are filters of one row of the transposed planes.

A row of numbers is what vectors hold and what real transforms take; a column is read with steps,
and its real transform is as long as a complex one. Of planes that are one column wide the
transposed view is dense already.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fftconv.methods.maps import Maps

if TYPE_CHECKING:
    from torch import Tensor

    from fftconv.geometry import Geometry
    from fftconv.methods.maps import Gradients, Kept, Tensors


def is_column(geometry: Geometry) -> bool:
    """Whether the filter is one column, of more than one row."""
    return geometry.kernel_size[1] == 1 < geometry.kernel_size[0]


def turned(geometry: Geometry) -> Geometry:
    """Return the geometry of the transposed planes."""
    (height, width), (rows, columns) = geometry.input_size, geometry.kernel_size
    return replace(
        geometry,
        input_size=(width, height),
        kernel_size=(columns, rows),
        stride=geometry.stride[::-1],
        dilation=geometry.dilation[::-1],
        padding=(*geometry.padding[2:], *geometry.padding[:2]),
    )


class Turned(Maps):
    """The three maps out of those of the transposed planes."""

    def __init__(self, maps: Maps) -> None:
        """Take the maps of the turned geometry."""
        self._maps = maps
        self.keeps = maps.keeps

    def forward(self, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
        """Cross-correlate and add the bias."""
        return _dense(self._maps.forward(x.mT, w.mT, bias))

    def forward_kept(self, x: Tensor, w: Tensor, bias: Tensor | None) -> Kept:
        """Cross-correlate, and keep what the gradients can use again."""
        y, kept = self._maps.forward_kept(x.mT, w.mT, bias)
        return _dense(y), kept

    def grad_input(self, g: Tensor, w: Tensor) -> Tensor:
        """Gradient with respect to the input."""
        return _dense(self._maps.grad_input(g.mT, w.mT))

    def grad_weight(self, x: Tensor, g: Tensor) -> Tensor:
        """Gradient with respect to the weight."""
        return _dense(self._maps.grad_weight(x.mT, g.mT))

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
        gx, gw = self._maps.grads(g.mT, x.mT, w.mT, need_input, need_weight, kept)
        return None if gx is None else _dense(gx), None if gw is None else _dense(gw)


def _dense(transposed: Tensor) -> Tensor:
    return transposed.mT.contiguous()
