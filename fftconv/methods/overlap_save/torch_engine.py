"""Overlap-save by torch: many tiles at a time, in torch's own operations, on any device."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from fftconv.geometry import area
from fftconv.methods.maps import add_bias
from fftconv.methods.overlap_save import mkl
from fftconv.methods.overlap_save.cost import way as way_of
from fftconv.methods.overlap_save.products import multiply, multiply_sum, multiply_transposed
from fftconv.methods.overlap_save.tiled import TiledEngine, one_by_one

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from fftconv.calibration.constants import Precision
    from fftconv.geometry import Geometry, Pair
    from fftconv.methods.maps import Gradients, Kept, Map, Tensors
    from fftconv.methods.overlap_save.tiling import Tiling


class ByTorch(TiledEngine):
    """The engine for many channels, and for all others without MKL, numba or a CPU."""

    def serves(self, geometry: Geometry, on_cpu: bool) -> bool:
        """Whether a case is done many tiles at a time."""
        return not one_by_one(geometry, on_cpu) or not mkl.available()

    def tiles(
        self, geometry: Geometry, tiling: Tiling, dtype: torch.dtype, device: torch.device
    ) -> TorchTiles:
        """Return the operations of a case."""
        return TorchTiles(geometry, tiling, dtype, device)

    def transforms(self, cut: Tiling) -> str:
        """Name torch's own."""
        del cut
        return "torch.fft"

    def numbers(self, geometry: Geometry, tiling: Tiling) -> float:
        """Count the spectra of the tiles in flight and of the filters, and what tiles add up to."""
        ins, outs = geometry.channels_per_group
        filters = geometry.out_channels * ins
        result = geometry.batch * geometry.in_channels * area(geometry.input_size)
        # The spectra of the gradient and of the input, the latter or its product on its way to or
        # from its tiles, the filters', and the gradient itself.
        in_flight = tiling.images * tiling.rows * tiling.grid[1]
        if not tiling.is_whole:
            rows, columns = (
                (n - 1) * step + fft
                for n, step, fft in zip(tiling.grid, tiling.step, tiling.fft, strict=True)
            )
            result += geometry.batch * geometry.in_channels * rows * columns
        copies = 1.5
        if ins > 1 or outs > 1:
            copies = 3.0  # products have a place of their own, and operands are laid out for them
        channels = geometry.in_channels + geometry.out_channels
        return 2 * tiling.spectrum * (copies * in_flight * channels + filters) + result

    def predict(
        self, names: tuple[Map, ...], geometry: Geometry, tiling: Tiling, call: float,
        rates: Precision, threads: int, item_bytes: int,
    ) -> float:  # fmt: skip
        """Predict products of all tiles at once over many channels."""
        way = tiling.fft[0] * tiling.fft[1] * way_of(rates, tiling, item_bytes)
        tiles = geometry.batch * area(tiling.grid)
        per_group = geometry.in_channels // geometry.groups
        weights = geometry.out_channels * per_group
        channels = geometry.in_channels + geometry.out_channels
        trips = tiles * channels * len(names) + weights * len({*names} - {"grad_input"})
        if len(names) > 1:
            trips -= tiles * channels // 2  # a spectrum or more are shared
        chunks = -(-geometry.batch // tiling.images) * -(-tiling.grid[0] // tiling.rows)
        product = tiles * weights * rates.matrix + tiles * channels * rates.plane
        product += chunks * weights * rates.filter
        return (
            call * chunks * len(names)
            + (trips * way + len(names) * tiling.spectrum * product) / threads
        )


class TorchTiles:
    """One case, cut up in one way."""

    def __init__(
        self, geometry: Geometry, tiling: Tiling, dtype: torch.dtype, device: torch.device
    ) -> None:
        self._geometry, self._tiling = geometry, tiling
        self.weight = str((tiling.fft, geometry.weight_shape, dtype, device))

    def weight_spectra(self, w: Tensor) -> Tensor:
        """Return the conjugate spectra (C_out, C_in / groups, 1, 1, ...) of a weight."""
        return _to_spectra(w[:, :, None, None], self._tiling.fft).conj_physical_()

    def forward(self, x: Tensor, spectra: Tensor, bias: Tensor | None, keep: bool) -> Kept:
        """Return the output, and the spectra of the input's tiles if they are to be kept."""
        geometry, tiling, kept = self._geometry, self._tiling, []
        y = x.new_empty(geometry.output_shape)
        for images, first, rows in _chunks(geometry, tiling):
            signal = _to_spectra(_input_tiles(x[images], geometry, tiling, first, rows), tiling.fft)
            if keep:
                kept.append(signal)
            # In a list, from which the last user takes it: nothing else is to hold it any longer.
            held = [multiply(signal, spectra, geometry, overwrite=not keep)]
            del signal
            _put_side_by_side(_to_tiles(held.pop(), tiling.fft), y[images], tiling, first)
        return add_bias(y, bias), tuple(kept)

    def backward(
        self, g: Tensor, x: Tensor | None, spectra: Tensor | None, kept: Tensors
    ) -> Gradients:
        """Return the input's gradient if there are spectra, the weight's if there is an input."""
        geometry, tiling, total = self._geometry, self._tiling, None
        padded = None if spectra is None else _OverlapAdd(g, geometry, tiling)
        for turn, (images, first, rows) in enumerate(_chunks(geometry, tiling)):
            tiles = _output_tiles(g[images], geometry, tiling, first, rows)
            held = [_to_spectra(tiles, tiling.fft).conj_physical_()]
            if x is not None:
                if kept:
                    signal = kept[turn]
                else:
                    tiles = _input_tiles(x[images], geometry, tiling, first, rows)
                    signal = _to_spectra(tiles, tiling.fft)
                sums = multiply_sum(signal, held[0], geometry, overwrite=not kept)
                del signal
                total = sums if total is None else total.add_(sums)
            if padded is not None and spectra is not None:
                held.append(multiply_transposed(held.pop(), spectra, geometry))
                # G W, of which both factors are at hand as conjugates.
                back = _to_tiles(held.pop().conj_physical_(), tiling.fft)
                padded.add(back, images.start, first)
                del back
        gw = None
        if total is not None:
            height, width = geometry.kernel_size
            gw = _to_tiles(total, tiling.fft)[..., :height, :width]
            gw = gw.reshape(geometry.weight_shape).contiguous()
        return None if padded is None else padded.result(), gw


def _to_spectra(tiles: Tensor, fft: Pair) -> Tensor:
    """Return the half spectra of tiles with zeros after them up to the size `fft`.

    From (N, C, rows, columns, height, width) to (N, C, rows, columns, fH, fW // 2 + 1).
    """
    spectra: Tensor = torch.fft.rfft2(tiles, s=fft)
    return spectra


def _to_tiles(spectra: Tensor, fft: Pair) -> Tensor:
    """Return the tiles of half spectra: as irfft2 does, but for keeping its operand alive."""
    spectra = torch.fft.ifft(spectra, dim=-2)
    tiles: Tensor = torch.fft.irfft(spectra, n=fft[1])
    return tiles


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
