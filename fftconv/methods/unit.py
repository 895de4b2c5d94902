"""Methods that know only stride 1 and dilation 1: every other case is a few of theirs.

Along one dimension, with the padded input p, stride s, dilation d, their greatest common divisor c
and K taps, output i of a correlation is ``sum over k of w[k] p[i s + k d]``. Write k = r + q s / c
and i = e + j d / c; then

    y[e :: d/c]  =  sum over r of  correlate(p[r d + e s :: d s / c], w[r :: s/c])

with plain correlations on the right. A stride alone (d = 1) adds up s of them on the phases of the
input (a polyphase decomposition); a dilation alone (s = 1) puts d independent ones side by side.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from itertools import product
from math import gcd
from typing import TYPE_CHECKING

import torch.nn.functional as F

from fftconv.geometry import Geometry
from fftconv.methods.method import Method

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor


class UnitMethod(Method):
    """The three maps out of those for stride 1 and dilation 1."""

    @abstractmethod
    def unit_forward(self, x: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
        """Cross-correlate with stride and dilation 1."""

    @abstractmethod
    def unit_grad_input(self, g: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
        """Gradient with respect to the input with stride and dilation 1."""

    @abstractmethod
    def unit_grad_weight(self, x: Tensor, g: Tensor, geometry: Geometry) -> Tensor:
        """Gradient with respect to the weight with stride and dilation 1."""

    def forward(self, x: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
        """Cross-correlate `x` with `w`."""
        if is_unit(geometry):
            return self.unit_forward(x, w, geometry)
        y = x.new_zeros(geometry.output_shape)
        padded = _padded(x, geometry)
        for piece in pieces(geometry):
            y[piece.outputs] += self.unit_forward(
                padded[piece.inputs], w[piece.taps], piece.geometry
            )
        return y

    def grad_input(self, g: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
        """Gradient with respect to the input."""
        if is_unit(geometry):
            return self.unit_grad_input(g, w, geometry)
        padded = g.new_zeros((*geometry.input_shape[:2], *geometry.padded_size))
        for piece in pieces(geometry):
            padded[piece.inputs] += self.unit_grad_input(
                g[piece.outputs], w[piece.taps], piece.geometry
            )
        top, _, left, _ = geometry.padding
        height, width = geometry.input_size
        return padded[:, :, top : top + height, left : left + width].contiguous()

    def grad_weight(self, x: Tensor, g: Tensor, geometry: Geometry) -> Tensor:
        """Gradient with respect to the weight."""
        if is_unit(geometry):
            return self.unit_grad_weight(x, g, geometry)
        gw = x.new_zeros(geometry.weight_shape)
        padded = _padded(x, geometry)
        for piece in pieces(geometry):
            gw[piece.taps] += self.unit_grad_weight(
                padded[piece.inputs], g[piece.outputs], piece.geometry
            )
        return gw


Index = tuple[slice, slice, slice, slice]


@dataclass(frozen=True)
class Piece:
    """One plain correlation: which padded inputs, taps and outputs, and its geometry."""

    inputs: Index
    taps: Index
    outputs: Index
    geometry: Geometry


def is_unit(geometry: Geometry) -> bool:
    """Whether stride and dilation are 1."""
    return geometry.stride == (1, 1) and geometry.dilation == (1, 1)


def pieces(geometry: Geometry) -> Iterator[Piece]:
    """Yield the plain correlations that make up a case."""
    for vertical, horizontal in product(_lines(geometry, 0), _lines(geometry, 1)):
        (inputs_h, taps_h, outputs_h, sizes_h) = vertical
        (inputs_w, taps_w, outputs_w, sizes_w) = horizontal
        whole = slice(None)
        yield Piece(
            inputs=(whole, whole, inputs_h, inputs_w),
            taps=(whole, whole, taps_h, taps_w),
            outputs=(whole, whole, outputs_h, outputs_w),
            geometry=Geometry(
                batch=geometry.batch,
                in_channels=geometry.in_channels,
                out_channels=geometry.out_channels,
                groups=geometry.groups,
                input_size=(sizes_h[0], sizes_w[0]),
                kernel_size=(sizes_h[1], sizes_w[1]),
            ),
        )


def _lines(geometry: Geometry, axis: int) -> Iterator[tuple[slice, slice, slice, tuple[int, int]]]:
    """Yield slices of inputs, taps and outputs along one dimension, and the first two's lengths."""
    stride, dilation = geometry.stride[axis], geometry.dilation[axis]
    taps, outputs = geometry.kernel_size[axis], geometry.output_size[axis]
    common = gcd(stride, dilation)
    tap_step, output_step = stride // common, dilation // common
    for r in range(min(tap_step, taps)):
        n_taps = len(range(r, taps, tap_step))
        for e in range(min(output_step, outputs)):
            n_inputs = len(range(e, outputs, output_step)) + n_taps - 1
            first, step = r * dilation + e * stride, output_step * stride
            inputs = slice(first, first + (n_inputs - 1) * step + 1, step)
            yield (
                inputs,
                slice(r, None, tap_step),
                slice(e, None, output_step),
                (n_inputs, n_taps),
            )


def readable(plane: Tensor) -> Tensor:
    """Return a tensor whose rows are dense; every other stride is taken as it is."""
    plane = plane.resolve_neg()
    return plane if plane.stride(3) == 1 else plane.contiguous()


def _padded(x: Tensor, geometry: Geometry) -> Tensor:
    top, bottom, left, right = geometry.padding
    return F.pad(x, (left, right, top, bottom)) if any(geometry.padding) else x
