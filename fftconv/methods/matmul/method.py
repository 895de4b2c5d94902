"""Convolution as a product of two matrices (im2col), by torch's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import torch

from fftconv.calibration.machine import known
from fftconv.geometry import area
from fftconv.methods.maps import Maps
from fftconv.methods.matmul import cost
from fftconv.methods.matmul.patches import blocks, do_overlap, is_pointwise, patches
from fftconv.methods.matmul.products import are_inexact, gathered, spread
from fftconv.methods.method import Method
from fftconv.methods.padding import padded, unpadded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from fftconv.geometry import Geometry
    from fftconv.methods.maps import Map
    from fftconv.methods.matmul.patches import Block
    from fftconv.methods.method import Found

    Sizes: TypeAlias = tuple[int, ...]


class Matmul(Method):
    """A matrix of filters times one whose columns are the patches under them.

    Source: K. Chellapilla, S. Puri, P. Simard, "High Performance Convolutional Neural Networks for
    Document Processing", 2006. Where patches overlap, the matrix is a multiple of the image, and
    other methods are faster; filters of 1x1 need no such matrix, and those that stand side by side
    only another order of the image's numbers.
    """

    name = "matmul"
    backend = "torch"
    predicts = True
    summary = "matrix products: filters of 1x1, and of patches that do not overlap"

    def prepare(self, geometry: Geometry, dtype: torch.dtype, device: torch.device) -> Maps:
        """Return the maps."""
        del dtype, device
        return MatmulMaps(geometry)

    def seconds(
        self, names: tuple[Map, ...], geometry: Geometry, item_bytes: int, threads: int,
        learned: bool = False,
    ) -> float:  # fmt: skip
        """Count multiply-adds, and numbers that are read and brought into order."""
        del learned
        machine = known()
        if item_bytes == 4 and are_inexact():
            item_bytes = 8
        return sum(cost.seconds(name, geometry, item_bytes, machine, threads) for name in names)

    def calibrate(self, dtype: torch.dtype) -> Found:
        """Time products."""
        from fftconv.methods.matmul import rates

        return rates.measure(self, dtype)

    def memory(self, geometry: Geometry, item_bytes: int) -> int:
        """Count the columns, and products of images side by side."""
        return cost.extra_numbers(geometry) * item_bytes


class MatmulMaps(Maps):
    """The three maps, block by block of images and rows.

    Where torch is told to multiply float32 less exactly, they compute in float64.
    """

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._pointwise, self._overlap = is_pointwise(geometry), do_overlap(geometry)
        ins, outs = geometry.channels_per_group
        rows = ins * area(geometry.kernel_size)
        several = (geometry.groups,) if geometry.groups > 1 else ()
        self._filters, self._bias = (*several, outs, rows), (*several, outs, 1)
        whole = geometry.batch, *geometry.output_size
        self._inputs, self._outputs = self._stacks(whole)

    def forward(self, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
        """Multiply the filters by the columns."""
        if _is_inexact(x):
            more = None if bias is None else bias.double()
            return self.forward(x.double(), w.double(), more).float()
        filters, shape = w.reshape(self._filters), self._geometry.output_shape
        if bias is not None:
            bias = bias.view(self._bias)
        if self._pointwise:
            return spread(filters, x.reshape(self._inputs), bias).view(shape)
        y = x.new_empty(shape)
        x = padded(x, self._geometry)
        for block, inputs, _ in self._blocks():
            columns = patches(x, self._geometry, block).reshape(inputs)
            part = block.of(y)
            part.copy_(spread(filters, columns, bias).view(part.shape))
        return y

    def grad_input(self, g: Tensor, w: Tensor) -> Tensor:
        """Multiply the transposed filters by the gradient, and put the columns back (col2im)."""
        if _is_inexact(g):
            return self.grad_input(g.double(), w.double()).float()
        geometry = self._geometry
        filters = w.reshape(self._filters).transpose(-1, -2)
        if self._pointwise:
            return spread(filters, g.reshape(self._outputs)).view(geometry.input_shape)
        gx = g.new_zeros((*geometry.input_shape[:2], *geometry.padded_size))
        for block, _, outputs in self._blocks():
            columns = spread(filters, block.of(g).reshape(outputs))
            self._put_back(columns, patches(gx, geometry, block))
        return unpadded(gx, geometry)

    def grad_weight(self, x: Tensor, g: Tensor) -> Tensor:
        """Multiply the gradient by the columns, summed over the batch."""
        if _is_inexact(x):
            return self.grad_weight(x.double(), g.double()).float()
        geometry, matrices = self._geometry, len(self._filters)
        if self._pointwise:
            gw = gathered(g.reshape(self._outputs), x.reshape(self._inputs), matrices)
            return gw.view(geometry.weight_shape)
        x = padded(x, geometry)
        parts = (
            gathered(
                block.of(g).reshape(outputs), patches(x, geometry, block).reshape(inputs), matrices
            )
            for block, inputs, outputs in self._blocks()
        )
        gw = next(parts)
        for part in parts:
            gw += part
        return gw.view(geometry.weight_shape)

    def _stacks(self, size: tuple[int, int, int]) -> tuple[Sizes, Sizes]:
        """Return the shapes of the columns, and of the output, of images of height by width."""
        images, height, width = size
        *several, outs, rows = self._filters
        lead = (*((images,) if self._geometry.batch > 1 else ()), *several)
        return (*lead, rows, height * width), (*lead, outs, height * width)

    def _blocks(self) -> Iterator[tuple[Block, Sizes, Sizes]]:
        """Yield each block with the shapes of its columns and of its share of the output."""
        for block in blocks(self._geometry):
            yield block, *self._stacks(block.size)

    def _put_back(self, columns: Tensor, image: Tensor) -> None:
        """Add columns to what `patches` sees of an image of zeros."""
        columns = columns.view(image.shape)
        if not self._overlap:
            image.copy_(columns)
            return
        tall, wide = self._geometry.kernel_size
        for i in range(tall):
            for j in range(wide):
                image[:, :, :, i, j] += columns[:, :, :, i, j]


def _is_inexact(operand: Tensor) -> bool:
    return operand.dtype is torch.float32 and are_inexact()
