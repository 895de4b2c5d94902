"""Tiles of the overlap-save method: their size, by a cost model, and how many are in flight."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from fftconv.geometry import Geometry, Pair

#: Transform lengths that FFT libraries are fast at; above the last one, its multiples by 2^n.
LENGTHS = (
    8, 12, 16, 20, 24, 32, 40, 48, 64, 72, 80, 96, 108, 112, 120, 128, 144, 160, 192, 216, 240, 256,
    288, 320, 360, 384, 432, 480, 512, 576, 640, 720, 768, 800, 864, 960, 1024,
)  # fmt: skip
#: Tiles are not longer than this: beyond, a transform leaves the second-level cache.
LONGEST_TILE = 512
#: Bytes of spectra that are worked on at a time.
IN_FLIGHT_BYTES = 8 << 20


@dataclass(frozen=True)
class Rates:
    """Seconds that the model counts for one unit of each kind of work.

    Attributes
    ----------
    transform_s
        Per pixel and doubling of its length, one real two-dimensional transform.
    product_s
        Per complex multiply-add of spectra that stream through memory.
    matrix_s
        Per complex multiply-add where channels make it a matrix product.
    copy_s
        Per element moved into or out of a tile.
    call_s
        Per call of an FFT library, with the calls around it.
    """

    transform_s: float = 0.085e-9
    product_s: float = 0.35e-9
    matrix_s: float = 0.06e-9
    copy_s: float = 0.35e-9
    call_s: float = 12e-6


@dataclass(frozen=True)
class Tiling:
    """How a case is cut up: transforms of `fft`, each good for `step` outputs, in a `grid`.

    ``rows`` of tiles and ``images`` are in flight at a time.
    """

    fft: Pair
    step: Pair
    grid: Pair
    images: int
    rows: int

    @property
    def spectrum(self) -> int:
        """Complex numbers in the spectrum of one tile."""
        return self.fft[0] * (self.fft[1] // 2 + 1)


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
    return next(n * scale for n in LENGTHS if n * scale >= minimum)


@lru_cache(maxsize=4096)
def choose(geometry: Geometry, item_bytes: int, rates: Rates = Rates()) -> tuple[Tiling, float]:
    """Return the cheapest tiling of a case with stride and dilation 1, and the forward's seconds.

    Every tiling that needs more than three times the bytes of input and output is left out, unless
    none is left.
    """
    candidates = []
    for height in _lengths(geometry, 0):
        for width in _lengths(geometry, 1):
            tiling = _tiling(geometry, (height, width), item_bytes)
            seconds = forward_s(geometry, tiling, rates)
            candidates.append((_too_large(geometry, tiling), seconds, tiling))
    _, seconds, tiling = min(candidates, key=lambda c: (c[0], c[1]))
    return tiling, seconds


def _lengths(geometry: Geometry, axis: int) -> list[int]:
    """List the transform lengths worth considering: tiles, and the whole image."""
    size, taps = geometry.input_size[axis], geometry.kernel_size[axis]
    before, after = geometry.padding[2 * axis], geometry.padding[2 * axis + 1]
    # What runs over the end wraps around into the zeros of the padding before the start.
    whole = good_length(max(size + max(before, after), taps, geometry.output_size[axis]))
    longest = min(whole, max(LONGEST_TILE + 1, 2 * taps))
    return [n for n in LENGTHS if 1.25 * taps <= n < longest and n >= 32] + [whole]


def _tiling(geometry: Geometry, fft: Pair, item_bytes: int) -> Tiling:
    steps, grids = [], []
    for axis in (0, 1):
        outputs = geometry.output_size[axis]
        whole = fft[axis] == _lengths(geometry, axis)[-1]
        steps.append(outputs if whole else min(outputs, fft[axis] - geometry.kernel_size[axis] + 1))
        grids.append(-(-outputs // steps[axis]))
    spectrum = fft[0] * (fft[1] // 2 + 1)
    row = 2 * item_bytes * spectrum * grids[1] * (geometry.in_channels + geometry.out_channels)
    rows = max(1, min(grids[0], IN_FLIGHT_BYTES // row))
    images = max(1, min(geometry.batch, IN_FLIGHT_BYTES // (row * rows)))
    return Tiling(fft, (steps[0], steps[1]), (grids[0], grids[1]), images, rows)


def _elements(tiling: Tiling, geometry: Geometry) -> int:
    """Count the real numbers that are alive at the worst moment, beside input and output."""
    in_flight = tiling.images * tiling.rows * tiling.grid[1]
    channels = geometry.in_channels + geometry.out_channels
    weights = geometry.out_channels * geometry.in_channels // geometry.groups
    return 2 * tiling.spectrum * (2 * in_flight * channels + weights)


def _too_large(geometry: Geometry, tiling: Tiling) -> bool:
    pixels_in = geometry.input_size[0] * geometry.input_size[1]
    pixels_out = geometry.output_size[0] * geometry.output_size[1]
    given = geometry.batch * (geometry.in_channels * pixels_in + geometry.out_channels * pixels_out)
    return _elements(tiling, geometry) > max(3 * given, 1 << 16)


def forward_s(geometry: Geometry, tiling: Tiling, rates: Rates) -> float:
    """Predict the seconds of one forward pass."""
    doublings = (tiling.fft[0] * tiling.fft[1]).bit_length()
    pixels = tiling.fft[0] * tiling.fft[1]
    per_group = geometry.in_channels // geometry.groups
    tiles = geometry.batch * tiling.grid[0] * tiling.grid[1]
    weights = geometry.out_channels * per_group
    planes = tiles * (geometry.in_channels + geometry.out_channels)
    product = rates.product_s if per_group == 1 else rates.matrix_s
    calls = -(-geometry.batch // tiling.images) * -(-tiling.grid[0] // tiling.rows)
    return (
        (planes + weights) * pixels * doublings * rates.transform_s
        + planes * pixels * rates.copy_s
        + tiles * weights * tiling.spectrum * product
        + (planes * rates.product_s * tiling.spectrum if per_group > 1 else 0)
        + (4 * calls + 2) * rates.call_s
    )
