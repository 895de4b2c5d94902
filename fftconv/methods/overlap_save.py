"""FFTs of overlapping tiles: compiled passes around MKL on a CPU, torch's operations elsewhere.

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

from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import torch

from fftconv.methods import fused
from fftconv.methods.method import Ready, add_bias
from fftconv.methods.tiling import keeps_spectra
from fftconv.methods.torch_tiles import TorchTiles
from fftconv.methods.unit import UnitMethod, is_unit
from fftconv.methods.weight_spectra import WeightSpectra

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from fftconv.geometry import Geometry
    from fftconv.methods.method import Gradients, Kept, Tensors
    from fftconv.methods.tiling import Tiling


class Tiles(Protocol):
    """One case, cut up in one way: what runs it."""

    weight: object
    """Equal for what transforms weights alike."""

    def weight_spectra(self, w: Tensor) -> Tensor:
        """Return the spectra of a weight."""

    def forward(self, x: Tensor, spectra: Tensor, keep: bool) -> Kept:
        """Return the output, and the spectra of the input's tiles if they are to be kept."""

    def backward(
        self, g: Tensor, x: Tensor | None, spectra: Tensor | None, kept: Tensors
    ) -> Gradients:
        """Return the input's gradient if there are spectra, the weight's if there is an input."""


class OverlapSave(UnitMethod):
    """Tiled FFTs whose memory does not grow with the image."""

    name = "overlap_save"
    backend = "MKL or torch.fft"
    summary = "tiled FFT, spectra shared by both gradients: filters from about 31 up, CPU and GPU"

    def __init__(self, cut: Callable[[Geometry, int], Tiling] | None = None) -> None:
        """Take the cost model's tiles, or those that `cut` returns for a case and item bytes."""
        self._weights = WeightSpectra()
        self._cut = cut
        self._tiles = lru_cache(maxsize=1024)(self._cut_up)

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

    def _cut_up(self, geometry: Geometry, dtype: torch.dtype, device: torch.device) -> Tiles:
        tiling = self.tiling(geometry, dtype.itemsize)
        if fused.serves(geometry, device.type == "cpu"):
            return fused.Passes(geometry, tiling, dtype)
        return TorchTiles(geometry, tiling, dtype, device)

    def unit_forward(self, x: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
        """Correlate tile by tile."""
        tiles = self._tiles(geometry, x.dtype, x.device)
        y, _ = tiles.forward(x, self._weights.get(w, tiles.weight, tiles.weight_spectra), False)
        return y

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
    ) -> Gradients:
        """Both gradients from one transform of g."""
        if not is_unit(geometry):
            return super().grads(g, x, w, geometry, need_input, need_weight)
        return self._unit_grads(g, x if need_weight else None, w if need_input else None, geometry)

    def _unit_grads(
        self, g: Tensor, x: Tensor | None, w: Tensor | None, geometry: Geometry
    ) -> Gradients:
        tiles, spectra = self._tiles(geometry, g.dtype, g.device), None
        if w is not None:
            spectra = self._weights.get(w, tiles.weight, tiles.weight_spectra)
        return tiles.backward(g, x, spectra, ())

    def ready(self, geometry: Geometry, dtype: torch.dtype, device: torch.device) -> Ready:
        """Return the maps that keep the spectra of weight and input from forward to backward."""
        if not is_unit(geometry):
            return super().ready(geometry, dtype, device)
        tiles, get = self._tiles(geometry, dtype, device), self._weights.get
        weight, transform = tiles.weight, tiles.weight_spectra
        keep = keeps_spectra(geometry, self.tiling(geometry, dtype.itemsize))

        def affine_kept(x: Tensor, w: Tensor, bias: Tensor | None, keep: bool = keep) -> Kept:
            spectra = get(w.detach(), weight, transform)
            y, kept = tiles.forward(x.detach(), spectra, keep)
            if bias is not None:
                add_bias(y, bias)
            return y, (spectra, *kept) if keep else ()

        def affine(x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
            return affine_kept(x, w, bias, keep=False)[0]

        def grads(
            g: Tensor, x: Tensor, w: Tensor, need_input: bool, need_weight: bool, kept: Tensors
        ) -> Gradients:
            spectra = None
            if need_input:
                spectra = kept[0] if kept else get(w.detach(), weight, transform)
            return tiles.backward(g, x.detach() if need_weight else None, spectra, kept[1:])

        return Ready(affine, grads, affine_kept)
