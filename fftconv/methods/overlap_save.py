"""FFTs of overlapping tiles: by MKL on a CPU, by torch's FFT library elsewhere.

Each tile of the input is transformed with a halo of the filter's size; of the circular correlation
that the product of the spectra gives, the samples that did not wrap around are kept (overlap-save:
A. V. Oppenheim and R. W. Schafer, "Discrete-Time Signal Processing", section 8.7.3). With X the
spectrum of a tile of the input, W and G those of the weight and of the tile's share of the
gradient,

    forward       X conj(W)    the first samples of each tile, side by side
    grad_input    G W          tiles that overlap are added
    grad_weight   X conj(G)    summed over the tiles before the one inverse transform

so one cutting serves all three, and each spectrum is needed once: X is kept from the forward pass
for the backward pass, `grads` shares G between both gradients, and W is kept between calls for as
long as the weight's values stay the same.

A NaN or an infinity anywhere in a tile spoils all of that tile's outputs, and all of a weight's
gradient; a direct sum spoils only the outputs that it takes part in.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from fftconv.methods.products import multiply, multiply_sum, multiply_transposed
from fftconv.methods.tiling import input_spectra
from fftconv.methods.transforms import to_spectra, to_tiles
from fftconv.methods.unit import UnitMethod, is_unit
from fftconv.methods.weight_spectra import WeightSpectra

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fftconv.geometry import Geometry
    from fftconv.methods.tiling import Tiling


class OverlapSave(UnitMethod):
    """Tiled FFTs whose memory does not grow with the image."""

    name = "overlap_save"
    backend = "torch.fft"
    summary = "tiled FFT, spectra shared by both gradients: filters from about 31 up, CPU and GPU"

    def __init__(self, cut: Callable[[Geometry, int], Tiling] | None = None) -> None:
        """Take the cost model's tiles, or those that `cut` returns for a case and item bytes."""
        self._weights = WeightSpectra()
        self._cut = cut

    def unsupported(
        self, geometry: Geometry, dtype: torch.dtype, device: torch.device
    ) -> str | None:
        """Name the dtype that there is no real transform for."""
        if dtype not in (torch.float32, torch.float64):
            return f"method 'overlap_save' computes in float32 and float64, not in {dtype}"
        return None

    def tiling(self, geometry: Geometry, item_bytes: int) -> Tiling:
        """Return the tiles that a case with stride and dilation 1 is cut into."""
        if self._cut is not None:
            return self._cut(geometry, item_bytes)
        from fftconv.planning.choice import tiling

        return tiling(geometry, item_bytes)

    def unit_forward(self, x: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
        """Correlate tile by tile."""
        y, _ = self._unit_forward(x, w, geometry, keep=False)
        return y

    def affine_kept(
        self, x: Tensor, w: Tensor, bias: Tensor | None, geometry: Geometry
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Keep the spectra of weight and input, unless they are larger than input and output."""
        keep = False
        if is_unit(geometry):
            spectra = 2 * input_spectra(self.tiling(geometry, x.element_size()), geometry)
            keep = spectra <= prod(geometry.input_shape) + prod(geometry.output_shape)
        if not keep:
            return self.affine(x, w, bias, geometry), ()
        y, kept = self._unit_forward(x, w, geometry, keep=True)
        return y if bias is None else y.add_(bias.view(-1, 1, 1)), kept

    def _unit_forward(
        self, x: Tensor, w: Tensor, geometry: Geometry, keep: bool
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        tiling = self.tiling(geometry, x.element_size())
        spectrum = self._weights.get(w, tiling)
        kept = [spectrum]
        y = x.new_empty(geometry.output_shape)
        for images, first, rows in _chunks(geometry, tiling):
            signal = to_spectra(_input_tiles(x[images], geometry, tiling, first, rows), tiling.fft)
            if keep:
                kept.append(signal)
            # In a list, from which the last user takes it: nothing else is to hold it any longer.
            held = [multiply(signal, spectrum, geometry, overwrite=not keep)]
            del signal
            _put_side_by_side(to_tiles(held.pop(), tiling.fft), y[images], tiling, first)
        return y, tuple(kept)

    def unit_grad_input(self, g: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
        """Convolve tile by tile."""
        gx, _ = self._unit_grads(g, None, w, geometry)
        assert gx is not None
        return gx

    def unit_grad_weight(self, x: Tensor, g: Tensor, geometry: Geometry) -> Tensor:
        """Correlate input and gradient tile by tile."""
        _, gw = self._unit_grads(g, x, None, geometry)
        assert gw is not None
        return gw

    def grads(
        self,
        g: Tensor,
        x: Tensor,
        w: Tensor,
        geometry: Geometry,
        need_input: bool,
        need_weight: bool,
        kept: tuple[Tensor, ...] = (),
    ) -> tuple[Tensor | None, Tensor | None]:
        """Both gradients from one transform of g, and of what the forward pass kept."""
        if not is_unit(geometry):
            return super().grads(g, x, w, geometry, need_input, need_weight)
        return self._unit_grads(
            g, x if need_weight else None, w if need_input else None, geometry, kept
        )

    def _unit_grads(
        self,
        g: Tensor,
        x: Tensor | None,
        w: Tensor | None,
        geometry: Geometry,
        kept: tuple[Tensor, ...] = (),
    ) -> tuple[Tensor | None, Tensor | None]:
        tiling = self.tiling(geometry, g.element_size())
        if kept and kept[0].shape[-2:] != (tiling.fft[0], tiling.fft[1] // 2 + 1):
            kept = ()  # cut otherwise since: the number of threads may have changed
        spectrum = padded = total = None
        if w is not None:
            spectrum = kept[0] if kept else self._weights.get(w, tiling)
            padded = _OverlapAdd(g, geometry, tiling)
        for turn, (images, first, rows) in enumerate(_chunks(geometry, tiling)):
            # In a list, from which the last user takes it: nothing else is to hold it any longer.
            tiles = _output_tiles(g[images], geometry, tiling, first, rows)
            held = [to_spectra(tiles, tiling.fft).conj_physical_()]
            if x is not None:
                if kept:
                    signal = kept[1 + turn]
                else:
                    tiles = _input_tiles(x[images], geometry, tiling, first, rows)
                    signal = to_spectra(tiles, tiling.fft)
                sums = multiply_sum(signal, held[0], geometry, overwrite=not kept)
                del signal
                total = sums if total is None else total.add_(sums)
            if padded is not None and spectrum is not None:
                held.append(multiply_transposed(held.pop(), spectrum, geometry))
                # G W, of which both factors are at hand as conjugates.
                back = to_tiles(held.pop().conj_physical_(), tiling.fft)
                padded.add(back, images.start, first)
                del back
        gw = None
        if total is not None:
            height, width = geometry.kernel_size
            gw = to_tiles(total, tiling.fft)[..., :height, :width]
            gw = gw.reshape(geometry.weight_shape).contiguous()
        return None if padded is None else padded.result(), gw


def _chunks(geometry: Geometry, tiling: Tiling) -> Iterator[tuple[slice, int, int]]:
    """Yield images, first row of tiles and number of rows of tiles that go together."""
    for image in range(0, geometry.batch, tiling.images):
        for first in range(0, tiling.grid[0], tiling.rows):
            rows = min(tiling.rows, tiling.grid[0] - first)
            yield slice(image, image + tiling.images), first, rows


def _input_tiles(x: Tensor, geometry: Geometry, tiling: Tiling, first: int, rows: int) -> Tensor:
    """Return overlapping tiles (N, C_in, rows, columns, fH, fW) of the padded input, a view."""
    top, _, left, _ = geometry.padding
    start = first * tiling.step[0] - top
    stop = start + (rows - 1) * tiling.step[0] + tiling.fft[0]
    right = (tiling.grid[1] - 1) * tiling.step[1] + tiling.fft[1] - left
    height, width = geometry.input_size
    inner = x[:, :, max(start, 0) : max(stop, 0), : max(right, 0)]
    missing = (
        left,
        max(right - width, 0),
        max(-start, 0),
        max(stop - max(height, max(start, 0)), 0),
    )
    band = F.pad(inner, missing) if any(missing) else inner
    return band.unfold(2, tiling.fft[0], tiling.step[0]).unfold(3, tiling.fft[1], tiling.step[1])


def _output_tiles(g: Tensor, geometry: Geometry, tiling: Tiling, first: int, rows: int) -> Tensor:
    """Return tiles (N, C_out, rows, columns, height, width) of a tensor shaped as the output."""
    height, width = tiling.step
    band = g[:, :, first * height : (first + rows) * height]
    missing = rows * height - band.shape[2], tiling.grid[1] * width - band.shape[3]
    if any(missing):
        band = F.pad(band, (0, missing[1], 0, missing[0]))
    return band.unfold(2, height, height).unfold(3, width, width)


def _put_side_by_side(tiles: Tensor, y: Tensor, tiling: Tiling, first: int) -> None:
    """Write the part of each tile that did not wrap around to its place in the output."""
    height, width = tiling.step
    if tiling.is_whole:
        y.copy_(tiles[:, :, 0, 0, :height, :width])
        return
    y = y[:, :, first * height : (first + tiles.shape[2]) * height]
    whole_rows, rest_rows = divmod(y.shape[2], height)
    whole_columns, rest_columns = divmod(y.shape[3], width)
    down = ((slice(0, whole_rows), height, 0), (slice(whole_rows, None), rest_rows, whole_rows))
    along = (
        (slice(0, whole_columns), width, 0),
        (slice(whole_columns, None), rest_columns, whole_columns),
    )
    for (rows, tall, above), (columns, wide, before) in product(down, along):
        part = tiles[:, :, rows, columns, :tall, :wide]
        if part.numel():
            place = y[:, :, above * height :, before * width :]
            place = place[:, :, : part.shape[2] * tall, : part.shape[3] * wide]
            place.unfold(2, tall, tall).unfold(3, wide, wide).copy_(part)


class _OverlapAdd:
    """The padded gradient of the input, to which overlapping tiles are added."""

    def __init__(self, g: Tensor, geometry: Geometry, tiling: Tiling) -> None:
        self._geometry, self._tiling = geometry, tiling
        grids = zip(tiling.grid, tiling.step, tiling.fft, strict=True)
        size = [(n - 1) * step + fft for n, step, fft in grids]
        # Of a single tile for all, there is nothing to add up.
        self._sum: Tensor | None = None
        if not tiling.is_whole or tiling.images < geometry.batch:
            self._sum = g.new_zeros((geometry.batch, geometry.in_channels, *size))

    def add(self, tiles: Tensor, image: int, first: int) -> None:
        """Add tiles that came back, of the chunk that starts at this image and row of tiles."""
        tiling = self._tiling
        if self._sum is None:
            self._sum = tiles[:, :, 0, 0]
            return
        places = self._sum[image : image + tiles.shape[0], :, first * tiling.step[0] :]
        # Every n-th tile is clear of the others: one addition for each remainder.
        apart = [-(-fft // step) for fft, step in zip(tiling.fft, tiling.step, strict=True)]
        for i in range(min(apart[0], tiles.shape[2])):
            for j in range(min(apart[1], tiles.shape[3])):
                some = tiles[:, :, i :: apart[0], j :: apart[1]]
                place = places[:, :, i * tiling.step[0] :, j * tiling.step[1] :]
                place = place.unfold(2, tiling.fft[0], apart[0] * tiling.step[0])
                place = place.unfold(3, tiling.fft[1], apart[1] * tiling.step[1])
                place[:, :, : some.shape[2], : some.shape[3]].add_(some)

    def result(self) -> Tensor:
        """Return the sum without the padding."""
        assert self._sum is not None
        top, _, left, _ = self._geometry.padding
        height, width = self._geometry.input_size
        inner = self._sum[:, :, top : top + height, left : left + width]
        if inner.shape[2:] != (height, width):
            # The end of the input that no tile reaches.
            inner = F.pad(inner, (0, width - inner.shape[3], 0, height - inner.shape[2]))
        return inner.contiguous()
