"""The least time that a machine needs for a convolution, and what it is spent on."""

import math
from dataclasses import dataclass

from convbench.limits.machine import Limits

ITEM_BYTES = {"float32": 4, "float64": 8}
# By three multiplications, each with a sum; what they are made of is not counted.
_COMPLEX_MULTIPLY_ADD_FLOPS = 6
# Winograd's tiles, and the operations of a transform of six numbers: of a tile, of a filter, and
# back. (F(4x4, 3x3) in A. Lavin and S. Gray, Fast Algorithms for Convolutional Neural Networks,
# 2016: 156 in 12 of the first, 72 in 9, 90 in 10.)
_WINOGRAD, _OF_TILE, _OF_TAPS, _BACK = 6, 13, 8, 9
# Libraries choose among fewer.
_SIDES = (*range(8, 128, 8), *range(128, 512, 32), *range(512, 4096, 128))

DEFINITION = (
    "The limit of a cell is the larger of two times. One is moving every operand and result once "
    "between memory and processor, at the bandwidth that a copy of as many bytes reaches. The "
    "other is the arithmetic of the cheapest of three algorithms: the direct sum, two operations "
    "for each output and tap, at the multiply-add limit; or tiles of Fourier transforms, of the "
    "best height and width, less the rows that are known to be zero or are not wanted, at the "
    "transform limit, plus the products of spectra, of three multiplications each, at the "
    "multiply-add limit; or, for filters of 2 to 5 taps a side, Winograd's tiles of 6x6, all of it "
    "at the multiply-add limit. Multiply-add limit: the rate "
    "of fused multiply-adds of vectors that never leave the registers. Copy limit: the bandwidth "
    "of memcpy, by size, bytes read and written counted both. Transform limit: the rate of batched "
    "transforms by torch.fft, real or two images as one complex, by size. The suite measures all "
    "three on the same machine, with the same threads, as the fastest of many calls and of several "
    "variants. The fraction reached is limit divided by median time, the same limit for every "
    "method of a cell. It stays below 100% unless a method uses another algorithm or a faster "
    "transform."
)


@dataclass(frozen=True)
class Work:
    """What a cell asks for, whichever method does it."""

    batch: int
    in_channels: int
    out_channels: int
    groups: int
    input_size: tuple[int, int]
    kernel_size: tuple[int, int]
    output_size: tuple[int, int]
    backward: bool
    dtype: str

    @property
    def maps(self) -> int:
        """Convolutions: the output, or the gradients of input and filter."""
        return 2 if self.backward else 1

    @property
    def flops(self) -> int:
        """Operations of the direct sum, a multiply-add counted as two."""
        taps = math.prod(self.kernel_size) * self.in_channels // self.groups
        outputs = self.batch * self.out_channels * math.prod(self.output_size)
        return 2 * self.maps * taps * outputs

    @property
    def bytes(self) -> int:
        """Bytes of everything that is read, once, and of everything that is written."""
        image = self.batch * self.in_channels * math.prod(self.input_size)
        weight = self.pairs * math.prod(self.kernel_size)
        output = self.batch * self.out_channels * math.prod(self.output_size)
        # Backward reads all three and writes the gradients of the first two.
        numbers = image + weight + output + (image + weight if self.backward else 0)
        return ITEM_BYTES[self.dtype] * numbers

    @property
    def pairs(self) -> int:
        """Filters: pairs of an input and an output channel."""
        return self.in_channels // self.groups * self.out_channels


@dataclass(frozen=True)
class Bound:
    """The least time of a cell."""

    memory_s: float
    direct_s: float
    transform_s: float
    tile: tuple[int, int]
    """Height and width of the best tile of transforms."""
    winograd_s: float = math.inf

    @property
    def seconds(self) -> float:
        """The least time."""
        return max(self.memory_s, min(self.direct_s, self.transform_s, self.winograd_s))

    @property
    def limited_by(self) -> str:
        """What the least time is spent on."""
        if self.seconds == self.memory_s:
            return "bandwidth"
        if self.seconds == self.direct_s:
            return "multiply-adds"
        height, width = self.tile
        return "Winograd" if self.seconds == self.winograd_s else f"transforms {height}x{width}"


def _sides(extent: int, taps: int) -> list[int]:
    """Return the sides of tiles to choose among: from the filter's up to the whole image's."""
    return [side for side in _SIDES if taps <= side < extent] + [extent]


def _transforms_s(work: Work, tile: tuple[int, int], limits: Limits) -> float:
    """Return the seconds of the convolution in tiles of this height and width."""
    # A tile as large as the image is good for every output, a smaller one for those whose taps
    # all lie in it.
    steps = [
        outputs if side == extent else min(outputs, side - taps + 1)
        for side, extent, taps, outputs in zip(
            tile, work.input_size, work.kernel_size, work.output_size, strict=True
        )
    ]
    tiles = math.prod(
        map(math.ceil, (n / step for n, step in zip(work.output_size, steps, strict=True)))
    )
    height, width = tile
    images, grads = tiles * work.batch * work.in_channels, tiles * work.batch * work.out_channels
    # How many transforms of a whole tile, of a gradient or output, and of a filter. Backward there:
    # input, gradient, weight; back: the input's gradient, and the weight's, summed over tiles.
    counts = (2 * images, grads, 2 * work.pairs) if work.backward else (images, grads, work.pairs)
    # Rows that are not all zero, or that are wanted.
    shares = (1.0, min(1.0, steps[0] / height), work.kernel_size[0] / height)
    columns = 2.5 * height * width * math.log2(max(2, height))
    rows = 2.5 * height * width * math.log2(max(2, width))
    flops = sum(
        count * (columns + share * rows) for count, share in zip(counts, shares, strict=True)
    )
    bins = height * (width // 2 + 1)
    products = work.maps * work.batch * tiles * work.pairs * bins * _COMPLEX_MULTIPLY_ADD_FLOPS
    rate = limits.transform_flops_per_s(work.dtype, math.sqrt(height * width))
    return flops / rate + products / limits.flops_per_s[work.dtype]


def _winograd_s(work: Work, limits: Limits) -> float:
    """Return the seconds of the convolution in Winograd's tiles; infinity where there are none."""
    if not all(1 < taps < _WINOGRAD for taps in work.kernel_size):
        return math.inf
    side = _WINOGRAD
    steps = [side - taps + 1 for taps in work.kernel_size]
    tiles = work.batch * math.prod(
        math.ceil(n / step) for n, step in zip(work.output_size, steps, strict=True)
    )
    images, grads = tiles * work.in_channels, tiles * work.out_channels
    # Columns first, of which a filter has few; rows first, of which few are wanted.
    of_tile, of_taps = 2 * side * _OF_TILE, (work.kernel_size[1] + side) * _OF_TAPS
    wanted = (side + steps[0]) * _BACK
    transforms = images * of_tile + work.pairs * of_taps + grads * wanted
    if work.backward:
        # The gradient is a tile for the input's, and takes the place of taps for the weight's.
        transforms = images * (of_tile + wanted) + work.pairs * (
            of_taps + (side + work.kernel_size[0]) * _BACK
        )
        transforms += grads * (of_tile + (steps[1] + side) * _OF_TAPS)
    products = 2 * work.maps * tiles * work.pairs * side**2
    return (transforms + products) / limits.flops_per_s[work.dtype]


def bound(work: Work, limits: Limits) -> Bound:
    """Return the least time of `work` on a machine of these limits."""
    heights, widths = map(_sides, work.input_size, work.kernel_size)
    transform_s, tile = min(
        (_transforms_s(work, (height, width), limits), (height, width))
        for height in heights
        for width in widths
    )
    return Bound(
        memory_s=work.bytes / limits.bytes_per_s(work.bytes),
        direct_s=work.flops / limits.flops_per_s[work.dtype],
        transform_s=transform_s,
        tile=tile,
        winograd_s=_winograd_s(work, limits),
    )
