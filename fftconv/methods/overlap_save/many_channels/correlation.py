"""Any map of a case with many channels that takes images to images, as a correlation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fftconv.geometry import area
from fftconv.methods.overlap_save.tiling import most_numbers

if TYPE_CHECKING:
    from fftconv.geometry import Geometry, Pair


@dataclass(frozen=True)
class Correlation:
    """A correlation with stride and dilation 1: of `ins` with `outs` channels in each group.

    Images of `size` are padded by `corner` (top, left), which is negative where they are cropped.
    """

    batch: int
    groups: int
    ins: int
    outs: int
    size: Pair
    kernel: Pair
    out: Pair
    corner: Pair

    @classmethod
    def forward(cls, geometry: Geometry) -> Correlation:
        """Return the forward map of a case."""
        ins, outs = geometry.channels_per_group
        top, _, left, _ = geometry.padding
        return cls(
            geometry.batch, geometry.groups, ins, outs, geometry.input_size,
            geometry.kernel_size, geometry.output_size, (top, left),
        )  # fmt: skip

    def room(self, item: int) -> int:
        """Return the bytes that passes may have between them: three times input and output."""
        numbers = self.ins * area(self.size) + self.outs * area(self.out)
        return item * most_numbers(self.batch * self.groups * numbers)

    def turned(self) -> Correlation:
        """Return the one that takes gradients of the output to those of the input."""
        top, left = (k - 1 - c for k, c in zip(self.kernel, self.corner, strict=True))
        return Correlation(
            self.batch, self.groups, self.outs, self.ins, self.out, self.kernel, self.size,
            (top, left),
        )  # fmt: skip
