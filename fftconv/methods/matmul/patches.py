"""Patches of an image as columns of a matrix, and which of them are taken at a time."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from fftconv.geometry import area

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from fftconv.geometry import Geometry, Pair

#: Numbers of the columns that are laid out at a time: 16 MB in float32, or as many as input and
#: output have. So patches that overlap take no multiple of the image's memory.
COLUMNS = 1 << 22


def is_pointwise(geometry: Geometry) -> bool:
    """Whether the columns are the input itself: filters of 1x1 at each of its pixels."""
    return geometry.kernel_size == geometry.stride == (1, 1) and not any(geometry.padding)


def do_overlap(geometry: Geometry) -> bool:
    """Whether a pixel lies in several patches."""
    return any(
        kernel > 1 and stride < extent
        for kernel, stride, extent in zip(
            geometry.kernel_size, geometry.stride, geometry.kernel_extent, strict=True
        )
    )


class Block(NamedTuple):
    """What is multiplied at a time: some images, and a rectangle of their output."""

    images: slice
    rows: slice
    columns: slice

    def of(self, y: Tensor) -> Tensor:
        """See the block's share of what is shaped as the output."""
        return y[self.images, :, self.rows, self.columns]

    @property
    def size(self) -> tuple[int, int, int]:
        """How many images, rows and columns it has."""
        images, rows, columns = (part.stop - part.start for part in self)
        return images, rows, columns


def taps(geometry: Geometry) -> int:
    """Return the numbers of a patch, of all groups."""
    return geometry.in_channels * area(geometry.kernel_size)


def at_a_time(geometry: Geometry) -> int:
    """Return how many numbers are laid out together: those of one patch at least."""
    return max(taps(geometry), min(COLUMNS, geometry.numbers))


def blocks(geometry: Geometry) -> Iterator[Block]:
    """Yield what to take at a time: images as there is room for, or rows of one, or their parts."""
    for parts in product(*(_parts(*step) for step in _steps(geometry))):
        yield Block(*parts)


def how_many(geometry: Geometry) -> int:
    """Return how many blocks there are."""
    return prod(-(-whole // part) for whole, part in _steps(geometry))


def _steps(geometry: Geometry) -> tuple[Pair, Pair, Pair]:
    """Return the images, rows and columns of the output, and how many of them a block has."""
    height, width = geometry.output_size
    patches_left = at_a_time(geometry) // taps(geometry)
    images = min(geometry.batch, max(1, patches_left // (height * width)))
    rows = min(height, max(1, patches_left // width))
    return (geometry.batch, images), (height, rows), (width, min(width, patches_left))


def _parts(whole: int, part: int) -> Iterator[slice]:
    for start in range(0, whole, part):
        yield slice(start, min(start + part, whole))


def patches(x: Tensor, geometry: Geometry, block: Block) -> Tensor:
    """See a padded input as (N, groups, C_in / groups, kH, kW, H_out, W_out), without a copy."""
    of_image, of_channel, of_row, of_column = x.stride()
    channels, (images, height, width) = geometry.channels_per_group[0], block.size
    (down, right), (by_row, by_column) = geometry.stride, geometry.dilation
    size = images, geometry.groups, channels, *geometry.kernel_size, height, width
    steps = (
        of_image, of_channel * channels, of_channel, of_row * by_row, of_column * by_column,
        of_row * down, of_column * right,
    )  # fmt: skip
    start = x.storage_offset() + block.images.start * of_image
    start += block.rows.start * down * of_row + block.columns.start * right * of_column
    return x.as_strided(size, steps, start)
