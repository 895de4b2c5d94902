"""Stride and dilation for methods that know neither: a few plain correlations each.

Along one dimension, with the padded input p, stride s, dilation d, their greatest common divisor c
and K taps, output i of a correlation is ``sum over k of w[k] p[i s + k d]``. Write k = r + q s / c
and i = e + j d / c; then

    y[e :: d/c]  =  sum over r of  correlate(p[r d + e s :: d s / c], w[r :: s/c])

with plain correlations on the right. A stride alone (d = 1) adds up s of them on the phases of the
input (a polyphase decomposition); a dilation alone (s = 1) puts d independent ones side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import gcd
from typing import TYPE_CHECKING, TypeAlias

from fftconv.geometry import Geometry
from fftconv.methods.maps import Maps, add_bias
from fftconv.methods.padding import padded, unpadded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor


class Polyphase(Maps):
    """The three maps out of those for stride 1 and dilation 1."""

    def __init__(self, geometry: Geometry, prepare: Callable[[Geometry], Maps]) -> None:
        """Take a case, and what prepares the maps of a plain correlation."""
        self._geometry = geometry
        # Most parts are as large as each other.
        self._maps = {plain: prepare(plain) for plain in count_parts(geometry)}

    @cached_property
    def _parts(self) -> list[tuple[Part, Maps]]:
        """All parts, listed once there is memory for the result: of a huge one they are as many."""
        return [(part, self._maps[part.geometry]) for part in parts(self._geometry)]

    def forward(self, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
        """Cross-correlate and add the bias."""
        y = x.new_zeros(self._geometry.output_shape)
        x = padded(x, self._geometry)
        for part, maps in self._parts:
            y[part.outputs] += maps.forward(x[part.inputs], w[part.taps])
        return add_bias(y, bias)

    def grad_input(self, g: Tensor, w: Tensor) -> Tensor:
        """Gradient with respect to the input."""
        geometry = self._geometry
        gx = g.new_zeros((*geometry.input_shape[:2], *geometry.padded_size))
        for part, maps in self._parts:
            gx[part.inputs] += maps.grad_input(g[part.outputs], w[part.taps])
        return unpadded(gx, geometry)

    def grad_weight(self, x: Tensor, g: Tensor) -> Tensor:
        """Gradient with respect to the weight."""
        gw = x.new_zeros(self._geometry.weight_shape)
        x = padded(x, self._geometry)
        for part, maps in self._parts:
            gw[part.taps] += maps.grad_weight(x[part.inputs], g[part.outputs])
        return gw


_Index: TypeAlias = tuple[slice, slice, slice, slice]
_Sizes: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class Part:
    """One plain correlation: which padded inputs, taps and outputs, and its geometry."""

    inputs: _Index
    taps: _Index
    outputs: _Index
    geometry: Geometry


def parts(geometry: Geometry) -> Iterator[Part]:
    """Yield the plain correlations that make up a case."""
    whole = slice(None)
    plain: dict[tuple[_Sizes, _Sizes], Geometry] = {}
    for vertical, horizontal in product(_lines(geometry, 0), _lines(geometry, 1)):
        sizes = vertical[3], horizontal[3]
        if sizes not in plain:
            plain[sizes] = _plain(geometry, *sizes)
        inputs, taps, outputs = zip(vertical[:3], horizontal[:3], strict=True)
        yield Part(
            inputs=(whole, whole, *inputs),
            taps=(whole, whole, *taps),
            outputs=(whole, whole, *outputs),
            geometry=plain[sizes],
        )


def count_parts(geometry: Geometry) -> dict[Geometry, int]:
    """Count the plain correlations of each size: few sizes, however many parts there are.

    They are counted, not listed: a plan is made of this, and a stride of 224 has 50,176 parts.
    """
    tall, wide = _count_lines(geometry, 0), _count_lines(geometry, 1)
    return {
        _plain(geometry, height, width): tall[height] * wide[width]
        for height, width in product(tall, wide)
    }


def _count_lines(geometry: Geometry, axis: int) -> dict[_Sizes, int]:
    """Count what `_lines` yields by its last, the lengths of inputs and taps."""
    tap_step, output_step = _steps(geometry, axis)
    taps = _shares(geometry.kernel_size[axis], tap_step)
    outputs = _shares(geometry.output_size[axis], output_step)
    return {
        (n_outputs + n_taps - 1, n_taps): taps[n_taps] * outputs[n_outputs]
        for n_taps, n_outputs in product(taps, outputs)
    }


def _shares(total: int, step: int) -> dict[int, int]:
    """Count the lengths of ``range(r, total, step)`` for all r below `step`, the empty left out."""
    length, longer = divmod(total, step)
    counts = {length + 1: longer, length: step - longer}
    return {length: count for length, count in counts.items() if length and count}


def _steps(geometry: Geometry, axis: int) -> tuple[int, int]:
    """Return the distances between the taps and between the outputs of a part."""
    stride, dilation = geometry.stride[axis], geometry.dilation[axis]
    common = gcd(stride, dilation)
    return stride // common, dilation // common


def _plain(geometry: Geometry, vertical: _Sizes, horizontal: _Sizes) -> Geometry:
    return Geometry(
        batch=geometry.batch,
        in_channels=geometry.in_channels,
        out_channels=geometry.out_channels,
        groups=geometry.groups,
        input_size=(vertical[0], horizontal[0]),
        kernel_size=(vertical[1], horizontal[1]),
    )


def _lines(geometry: Geometry, axis: int) -> Iterator[tuple[slice, slice, slice, _Sizes]]:
    """Yield slices of inputs, taps and outputs along one dimension, and the first two's lengths."""
    stride, dilation = geometry.stride[axis], geometry.dilation[axis]
    taps, outputs = geometry.kernel_size[axis], geometry.output_size[axis]
    tap_step, output_step = _steps(geometry, axis)
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
