"""Tiles of the overlap-save method: which sizes are possible, and how many are in flight."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from fftconv.geometry import area

if TYPE_CHECKING:
    from collections.abc import Callable

    from fftconv.geometry import Geometry, Pair

    Numbers: TypeAlias = Callable[[Geometry, "Tiling"], float]

#: Transform lengths that FFT libraries are fast at; above the last one, its multiples by 2^n. Tiles
#: of 12, 20, 40, 80, 108 and 120 squared take MKL longer than the next ones that are here: 20 takes
#: 2.6 us and 24 1.2; 40 6.2 and 48 3.1; 80 15 and 96 10; 108 25 and 112 15 (one thread, AVX-512).
LENGTHS = (
    1, 2, 3, 4, 5, 6, 8, 16, 24, 32, 48, 64, 72, 96, 112, 128, 144, 160, 192, 216, 240, 256, 288,
    320, 360, 384, 432, 480, 512, 576, 640, 720, 768, 800, 864, 960, 1024,
)  # fmt: skip
#: Lengths of tiles of one row: as many numbers as square tiles have. Of squares, a side above 1024
#: leaves the second-level cache; only the whole image may be longer.
LONG_ROWS = (1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 24576, 32768)
#: Lengths of the generated transforms, with the lengths of their two stages.
OWN_FACTORS = {
    32: (4, 8), 48: (6, 8), 64: (8, 8), 72: (6, 12), 96: (8, 12), 128: (8, 16), 144: (12, 12),
    192: (12, 16), 256: (16, 16),
}  # fmt: skip
# Figures: time of 10 cases of 96 to 2048 squared with filters of 31 to 127 squared, forward and
# both gradients, against that with the constant as it is; two threads, AVX2 (Zen 3), in turns.

#: Bytes of spectra that are worked on at a time: a core's share of a third-level cache, or a little
#: more. A quarter to four times as many: 0.4%.
IN_FLIGHT_BYTES = 4 << 20
#: What a call may take of memory, as a multiple of its input and output: the promise that memory
#: does not grow with the filter. With half of it some cases find no tiles at all and are left to
#: methods that take twice as long; with twice as much they take 4% less time.
MOST_TIMES = 3
#: Numbers that any call may take, however small its images: 2 MiB of float32, of which nobody has
#: too little. With a quarter of it, 200 random cases of 32 to 512 squared with filters of 5 to 127
#: are predicted to take 6% longer, with a 16th 19% (128/63: 8 times); with four times as much, 3%
#: less.
SMALL = 1 << 19


@dataclass(frozen=True)
class Tiling:
    """How a case is cut up: transforms of `fft`, each good for `step` outputs, in a `grid`.

    ``rows`` of tiles and ``images`` are in flight at a time. The transforms are the generated ones
    if they are ``own``, which not every engine has.
    """

    fft: Pair
    step: Pair
    grid: Pair
    images: int
    rows: int
    own: bool = False

    @property
    def spectrum(self) -> int:
        """Complex numbers in the spectrum of one tile."""
        return self.fft[0] * (self.fft[1] // 2 + 1)

    @property
    def is_whole(self) -> bool:
        """Whether one tile takes in the whole image."""
        return self.grid == (1, 1)


def good_length(minimum: int) -> int:
    """Return the shortest length of at least `minimum` that transforms fast.

    Examples
    --------
    >>> good_length(1025)
    1152
    """
    scale = 1
    while minimum > LENGTHS[-1] * scale:
        scale *= 2
    return LENGTHS[bisect_left(LENGTHS, -(-minimum // scale))] * scale


def lengths(geometry: Geometry, axis: int) -> list[int]:
    """List the transform lengths worth considering: for n tiles the shortest; last, the image's."""
    taps = geometry.kernel_size[axis]
    whole = whole_length(geometry, axis)
    in_rows = axis == 1 and geometry.kernel_size[0] == 1
    if whole == 1:
        return [1]
    shortest = max(32, 1.25 * taps)
    found = set()
    for n in (*LENGTHS, *LONG_ROWS) if in_rows else LENGTHS:
        if n >= shortest:
            found.add(fewest_for(geometry, axis, n))
    return [*sorted(n for n in found if shortest <= n < whole), whole]


def own_lengths(geometry: Geometry, axis: int) -> list[int]:
    """List the lengths of generated transforms worth considering: for n tiles the shortest."""
    taps, outputs = geometry.kernel_size[axis], geometry.output_size[axis]
    whole, found = _whole(geometry, axis), {}
    for n in reversed(OWN_FACTORS):
        if n >= whole:
            found[1] = n
        elif n >= 1.25 * taps:
            found[-(-outputs // (n - taps + 1))] = n
    return sorted(found.values())


def own_fitted(geometry: Geometry, axis: int, length: int) -> int:
    """Return the shortest length of generated transforms with no more tiles than `length` makes."""
    taps, outputs = geometry.kernel_size[axis], geometry.output_size[axis]
    good = _whole(geometry, axis)
    if length < good:
        good = -(-outputs // -(-outputs // (length - taps + 1))) + taps - 1
    lengths = own_lengths(geometry, axis)
    return next(n for n in lengths if n >= min(good, lengths[-1]))


def fewest_for(geometry: Geometry, axis: int, length: int) -> int:
    """Return the shortest good length that needs no more tiles than `length` does."""
    taps, outputs = geometry.kernel_size[axis], geometry.output_size[axis]
    count = -(-outputs // (length - taps + 1))
    return good_length(-(-outputs // count) + taps - 1)


def whole_length(geometry: Geometry, axis: int) -> int:
    """Return the shortest good length of which one transform takes in all of a dimension."""
    if axis == 0 and geometry.kernel_size[0] == 1:
        return 1  # rows have nothing to do with each other
    return good_length(_whole(geometry, axis))


def _whole(geometry: Geometry, axis: int) -> int:
    """Return the length from which on one transform takes in all of a dimension."""
    size, taps, outputs = (
        sizes[axis] for sizes in (geometry.input_size, geometry.kernel_size, geometry.output_size)
    )
    before, after = geometry.padding[2 * axis], geometry.padding[2 * axis + 1]
    # What runs over the end wraps around into the zeros of the padding before the start.
    return max(size + max(before, after), taps, outputs)


def cut(
    geometry: Geometry, fft: Pair, item_bytes: int, numbers: Numbers, own: bool = False
) -> Tiling:
    """Return the tiling by transforms of `fft`, generated ones if they are to be `own`."""
    steps, grids = [], []
    for axis in (0, 1):
        outputs = geometry.output_size[axis]
        good = fft[axis] - geometry.kernel_size[axis] + 1
        steps.append(outputs if fft[axis] >= _whole(geometry, axis) else min(outputs, good))
        grids.append(-(-outputs // steps[axis]))
    spectrum = fft[0] * (fft[1] // 2 + 1)
    row = 2 * item_bytes * spectrum * grids[1] * (geometry.in_channels + geometry.out_channels)
    rows = max(1, min(grids[0], IN_FLIGHT_BYTES // row))
    images = max(1, min(geometry.batch, IN_FLIGHT_BYTES // (row * rows)))
    tiling = Tiling(fft, (steps[0], steps[1]), (grids[0], grids[1]), images, rows, own)
    # Rather fewer tiles at a time than none of this size.
    while tiling.rows * tiling.images > 1 and too_large(geometry, tiling, numbers):
        tiling = replace(tiling, images=-(-tiling.images // 2), rows=-(-tiling.rows // 2))
    return tiling


def keeps_spectra(geometry: Geometry, tiling: Tiling) -> bool:
    """Whether the spectra of all tiles of the input take little, or less than input and output."""
    tiles = geometry.batch * geometry.in_channels * area(tiling.grid)
    return 2 * tiles * tiling.spectrum <= max(geometry.numbers, SMALL // 4)


def most_numbers(numbers: int) -> int:
    """Return how many an engine may keep where input and output have so many."""
    return max(MOST_TIMES * numbers, SMALL)


def too_large(geometry: Geometry, tiling: Tiling, numbers: Numbers) -> bool:
    """Whether the `numbers` of an engine are more than `MOST_TIMES` input and output."""
    return numbers(geometry, tiling) > most_numbers(geometry.numbers)
