"""
A method of your own
====================
``FFTCONV_METHODS=examples.unfold`` adds it to whatever runs in the root of a clone; a package names
its class by an entry point of the group ``fftconv.methods``.
"""

import torch.nn.functional as F
from torch import Tensor

import fftconv


class Unfold(fftconv.Method):
    """Every patch of the image a column of a matrix (im2col)."""

    name = "unfold"
    backend = "torch"
    summary = "torch.nn.functional.unfold times a matrix: what im2col costs"

    def forward(self, x: Tensor, w: Tensor, geometry: fftconv.Geometry) -> Tensor:
        """Multiply the weight, as a matrix for each group, by the patches."""
        y = w.reshape(geometry.groups, -1, w[0].numel()) @ self._patches(x, geometry)
        return y.reshape(geometry.output_shape)

    def grad_input(self, g: Tensor, w: Tensor, geometry: fftconv.Geometry) -> Tensor:
        """Multiply back, and add the patches up where they came from."""
        matrix = w.reshape(geometry.groups, -1, w[0].numel()).mT
        patches = (matrix @ self._outputs(g, geometry)).flatten(1, 2)
        padded = F.fold(patches, geometry.padded_size, *self._steps(geometry))
        top, _, left, _ = geometry.padding
        height, width = geometry.input_size
        return padded[..., top : top + height, left : left + width]

    def grad_weight(self, x: Tensor, g: Tensor, geometry: fftconv.Geometry) -> Tensor:
        """Multiply outputs by patches, and add up over the images."""
        matrix = self._outputs(g, geometry) @ self._patches(x, geometry).mT
        return matrix.sum(0).reshape(geometry.weight_shape)

    def memory(self, geometry: fftconv.Geometry, item_bytes: int) -> int:
        """Return the bytes of all patches."""
        return item_bytes * geometry.macs * geometry.groups // geometry.out_channels

    def _steps(self, geometry: fftconv.Geometry) -> tuple[object, ...]:
        return geometry.kernel_size, geometry.dilation, 0, geometry.stride

    def _patches(self, x: Tensor, geometry: fftconv.Geometry) -> Tensor:
        top, bottom, left, right = geometry.padding
        patches = F.unfold(F.pad(x, (left, right, top, bottom)), *self._steps(geometry))
        return patches.unflatten(1, (geometry.groups, -1))

    def _outputs(self, g: Tensor, geometry: fftconv.Geometry) -> Tensor:
        return g.reshape(geometry.batch, geometry.groups, -1, g[0, 0].numel())


fftconv.register(Unfold())
