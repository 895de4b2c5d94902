"""Tiles of the overlap-save method: which sizes are possible, and how many are in flight."""

from __future__ import annotations

from dataclasses import dataclass

from fftconv.geometry import Geometry, Pair
from fftconv.methods.transforms import Paired, Single, Transform

#: Transform lengths that FFT libraries are fast at; above the last one, its multiples by 2^n.
LENGTHS = (
    8, 12, 16, 20, 24, 32, 40, 48, 64, 72, 80, 96, 108, 112, 120, 128, 144, 160, 192, 216, 240, 256,
    288, 320, 360, 384, 432, 480, 512, 576, 640, 720, 768, 800, 864, 960, 1024,
)  # fmt: skip
#: Lengths of tiles; longer ones leave the second-level cache.
TILES = (32, 48, 64, 96, 128, 160, 192, 256, 384, 512, 768, 1024)
#: Bytes of spectra that are worked on at a time.
IN_FLIGHT_BYTES = 4 << 20


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
    def pair_axis(self) -> int | None:
        """The axis of (N, C, rows, columns) along which tiles are transformed in pairs, if any."""
        for axis, count in ((3, self.grid[1]), (0, self.images), (2, self.rows)):
            if count > 1:
                return axis
        return None

    @property
    def spectrum(self) -> int:
        """Complex numbers in the spectrum of one tile; of a pair, half of them."""
        if self.pair_axis is not None:
            return -(-self.fft[0] * self.fft[1] // 2)
        return self.fft[0] * (self.fft[1] // 2 + 1)

    def transform(self) -> Transform:
        """Return what transforms the tiles."""
        axis = self.pair_axis
        return Single(self.fft) if axis is None else Paired(self.fft, axis)


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


def candidates(geometry: Geometry, item_bytes: int) -> list[Tiling]:
    """List the tilings worth considering for a case with stride and dilation 1.

    Those that need more than three times the bytes of input and output are left out, unless none
    is left; then the one that needs least is the only candidate.
    """
    heights, widths = _lengths(geometry, 0), _lengths(geometry, 1)
    tilings = [
        _tiling(geometry, (height, width), item_bytes) for height in heights for width in widths
    ]
    small = [tiling for tiling in tilings if not _too_large(geometry, tiling)]
    return small or [min(tilings, key=lambda tiling: _elements(tiling, geometry))]


def _lengths(geometry: Geometry, axis: int) -> list[int]:
    """List the transform lengths worth considering: tiles, and the whole image."""
    size, taps = geometry.input_size[axis], geometry.kernel_size[axis]
    before, after = geometry.padding[2 * axis], geometry.padding[2 * axis + 1]
    # What runs over the end wraps around into the zeros of the padding before the start.
    whole = good_length(max(size + max(before, after), taps, geometry.output_size[axis]))
    return [n for n in TILES if 1.25 * taps <= n < whole] + [whole]


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


def _elements(tiling: Tiling, geometry: Geometry) -> float:
    """Count the numbers that are alive at the worst moment, beside operands.

    That is while both gradients are computed: the spectra of the gradient and of the input, the
    latter or its product on its way to or from its tiles, the filters', and the gradient itself.
    """
    in_flight = tiling.images * tiling.rows * tiling.grid[1]
    channels = geometry.in_channels + geometry.out_channels
    per_group = geometry.in_channels // geometry.groups
    filters = geometry.out_channels * per_group
    result = geometry.batch * geometry.in_channels * _area(*geometry.input_size)
    if tiling.pair_axis is not None:
        in_flight += in_flight % 2
        filters *= 2  # full spectra
        rows, columns = (
            (n - 1) * step + fft
            for n, step, fft in zip(tiling.grid, tiling.step, tiling.fft, strict=True)
        )
        result += geometry.batch * geometry.in_channels * rows * columns
    copies = 1.5
    if per_group > 1 or geometry.out_channels != geometry.groups:
        copies = 3.0  # products have a place of their own, and operands are laid out for them
    return 2 * tiling.spectrum * (copies * in_flight * channels + filters) + result


def _too_large(geometry: Geometry, tiling: Tiling) -> bool:
    """Whether a tiling needs more than three times input and output."""
    given = geometry.batch * (
        geometry.in_channels * _area(*geometry.input_size)
        + geometry.out_channels * _area(*geometry.output_size)
    )
    # Below a megabyte there is nothing to save.
    return _elements(tiling, geometry) > max(3 * given, 1 << 18)


def _area(height: int, width: int) -> int:
    return height * width
