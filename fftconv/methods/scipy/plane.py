"""Methods that know only single planes: one input plane, one filter plane, stride and dilation 1.

scipy's functions are such. Channels, groups and the batch become a loop over planes; a stride is
read out of (or spread into) the dense result with zeros between, and so is a dilation, because

    forward:      y  = correlate(pad(x), spread(w))[::stride]
    grad_input:   gx = crop(convolve_full(spread(g), spread(w)))
    grad_weight:  gw = correlate(pad(x), spread(g))[::dilation]
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch

from fftconv.methods.maps import Maps, add_bias
from fftconv.methods.method import Method
from fftconv.methods.padding import padded, unpadded

if TYPE_CHECKING:
    from torch import Tensor

    from fftconv.geometry import Geometry, Pair

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]


class PlaneMethod(Method):
    """A method that is two functions of single planes."""

    dtypes: frozenset[torch.dtype]
    """What the two functions compute in."""

    @abstractmethod
    def correlate(self, a: Array, b: Array) -> Array:
        """Correlate without padding and without conjugation; `b` is nowhere larger than `a`."""

    @abstractmethod
    def convolve_full(self, a: Array, b: Array) -> Array:
        """Convolve to the full size, the sum of both sizes less one."""

    def unsupported(
        self, geometry: Geometry, dtype: torch.dtype, device: torch.device
    ) -> str | None:
        """Name the dtype or the device that scipy does not know."""
        if device.type != "cpu":
            return f"method '{self.name}' works on CPU tensors only, got a tensor on {device}"
        if dtype not in self.dtypes:
            return f"method '{self.name}' does not compute in {dtype}"
        return None

    def prepare(self, geometry: Geometry, dtype: torch.dtype, device: torch.device) -> Maps:
        """Return the maps that go plane by plane."""
        return PlaneMaps(geometry, self)


class PlaneMaps(Maps):
    """The three maps out of two functions of single planes."""

    def __init__(self, geometry: Geometry, method: PlaneMethod) -> None:
        self._geometry, self._method = geometry, method

    def forward(self, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
        """Cross-correlate plane by plane, and add the bias."""
        geometry = self._geometry
        xs, ws = _padded(x, geometry), _spread(w, geometry.dilation)
        y = _zeros(x, geometry.output_shape)
        down, right = geometry.stride
        for n, o, i, c in _plane_indices(geometry):
            y[n, o] += self._method.correlate(xs[n, c], ws[o, i])[::down, ::right]
        return add_bias(torch.from_numpy(y), bias)

    def grad_input(self, g: Tensor, w: Tensor) -> Tensor:
        """Gradient with respect to the input, plane by plane."""
        geometry = self._geometry
        gs, ws = _spread(g, geometry.stride), _spread(w, geometry.dilation)
        gx = _zeros(g, (*geometry.input_shape[:2], *geometry.padded_size))
        # Rows and columns at the end that no stride reaches keep their zeros.
        rows, columns = (
            size + extent - 1 for size, extent in zip(gs.shape[2:], ws.shape[2:], strict=True)
        )
        for n, o, i, c in _plane_indices(geometry):
            gx[n, c, :rows, :columns] += self._method.convolve_full(gs[n, o], ws[o, i])
        return unpadded(torch.from_numpy(gx), geometry)

    def grad_weight(self, x: Tensor, g: Tensor) -> Tensor:
        """Gradient with respect to the weight, plane by plane."""
        geometry = self._geometry
        xs, gs = _padded(x, geometry), _spread(g, geometry.stride)
        gw = _zeros(x, geometry.weight_shape)
        down, right = geometry.dilation
        height, width = geometry.kernel_extent
        for n, o, i, c in _plane_indices(geometry):
            # With a stride the result has more rows than there are taps.
            gw[o, i] += self._method.correlate(xs[n, c], gs[n, o])[:height:down, :width:right]
        return torch.from_numpy(gw)


def _plane_indices(geometry: Geometry) -> list[tuple[int, int, int, int]]:
    """List (image, output channel, channel of the weight, input channel) of every product."""
    per_group, out_per_group = geometry.channels_per_group
    return [
        (n, o, i, o // out_per_group * per_group + i)
        for n in range(geometry.batch)
        for o in range(geometry.out_channels)
        for i in range(per_group)
    ]


def _array(tensor: Tensor) -> Array:
    # A tensor with a history or a lazily conjugated one has no numpy view.
    array: Array = tensor.detach().resolve_conj().resolve_neg().numpy()
    return array


def _zeros(like: Tensor, shape: tuple[int, ...]) -> Array:
    """Return zeros in memory of torch's, which has its own words where there is not so much."""
    return _array(like.new_zeros(shape))


def _padded(x: Tensor, geometry: Geometry) -> Array:
    return _array(padded(x.detach(), geometry))


def _spread(planes: Tensor, step: Pair) -> Array:
    """Put ``step - 1`` zeros between neighbours of the last two dimensions."""
    array = _array(planes)
    if step == (1, 1):
        return array
    height, width = ((n - 1) * s + 1 for n, s in zip(array.shape[2:], step, strict=True))
    spread = _zeros(planes, (*array.shape[:2], height, width))
    spread[:, :, :: step[0], :: step[1]] = array
    return spread
