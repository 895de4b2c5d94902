"""The least time that a machine needs for a convolution, and what it is spent on."""

import math
from dataclasses import dataclass

from convbench.roofline.limits import Limits

ITEM_BYTES = {"float32": 4, "float64": 8}
_COMPLEX_MULTIPLY_ADD_FLOPS = 8

DEFINITION = (
    "The limit of a cell is the larger of two times. One is moving every operand and result once "
    "between memory and processor, at the bandwidth that a copy of as many bytes reaches. The "
    "other is the arithmetic of the cheaper of two algorithms: the direct sum, two operations for "
    "each output and tap, at the rate of a matrix product; or tiles of Fourier transforms, the "
    "best tile size of those measured, at the speed of batched transforms, plus the products of "
    "spectra at the rate of a matrix product. The suite measures all three rates on the same "
    "machine, with the same threads, as the fastest of many calls. The fraction reached is limit "
    "divided by median time. The limit holds for these two algorithms and these libraries' "
    "transforms: it is no law of nature, and a fraction can exceed 1 where a method multiplies "
    "or transforms better than they do."
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
    tile: int | None
    """Side of the best tile of transforms, None where none is large enough."""

    @property
    def seconds(self) -> float:
        """The least time."""
        return max(self.memory_s, min(self.direct_s, self.transform_s))

    @property
    def limited_by(self) -> str:
        """What the least time is spent on."""
        if self.seconds == self.memory_s:
            return "bandwidth"
        return "multiply-adds" if self.seconds == self.direct_s else f"transforms of {self.tile}"


def _transforms_s(work: Work, size: int, limits: Limits) -> float:
    """Return the seconds of the convolution in tiles of `size`; infinity if they are too small."""
    tiles = 1
    for extent, taps, outputs in zip(
        work.input_size, work.kernel_size, work.output_size, strict=True
    ):
        if size < extent:  # more than one tile along this axis: each is good for fewer outputs
            if size < taps:
                return math.inf
            tiles *= math.ceil(outputs / (size - taps + 1))
    images, grads = work.batch * work.in_channels, work.batch * work.out_channels
    if work.backward:
        # Forward: input, gradient, weights. Back: the input's gradient, and the weight's summed
        # over tiles.
        count = tiles * (2 * images + grads) + 2 * work.pairs
    else:
        count = tiles * (images + grads) + work.pairs
    bins = size * (size // 2 + 1)
    products = work.maps * work.batch * tiles * work.pairs * bins * _COMPLEX_MULTIPLY_ADD_FLOPS
    transforms = count * limits.transform_s[work.dtype][size]
    return transforms + products / limits.flops_per_s[work.dtype]


def bound(work: Work, limits: Limits) -> Bound:
    """Return the least time of `work` on a machine of these limits."""
    transforms = {
        size: _transforms_s(work, size, limits) for size in limits.transform_s[work.dtype]
    }
    tile = min(transforms, key=lambda size: transforms[size])
    best = transforms[tile]
    return Bound(
        memory_s=work.bytes / limits.bytes_per_s(work.bytes),
        direct_s=work.flops / limits.flops_per_s[work.dtype],
        transform_s=best,
        tile=None if math.isinf(best) else tile,
    )
