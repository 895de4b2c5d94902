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
gradient; a direct sum spoils only the outputs that it takes part in. In the same way the error of
an output is relative to the largest value of its tile, not to the output's own terms: beside a
spike of 1e8 what is small is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fftconv.methods.maps import Maps
from fftconv.methods.method import Method
from fftconv.methods.overlap_save import choice
from fftconv.methods.overlap_save.many_channels.maps import ManyChannels
from fftconv.methods.overlap_save.tiling import keeps_spectra
from fftconv.methods.overlap_save.weight_spectra import WeightSpectra
from fftconv.methods.polyphase import Polyphase

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from fftconv.geometry import Geometry, Pair
    from fftconv.methods.maps import Gradients, Kept, Map, Tensors
    from fftconv.methods.method import Found
    from fftconv.methods.overlap_save.engine import Run
    from fftconv.methods.overlap_save.tiling import Tiling


#: Bytes of weight spectra that are kept between calls for layers with many channels, which have
#: one for each pair of channels.
DENSE_KEPT_BYTES = 512 << 20


class OverlapSave(Method):
    """Tiled FFTs whose memory does not grow with the image."""

    name = "overlap_save"
    backend = "MKL or torch.fft"
    predicts = shares = True
    summary = "tiled FFT, spectra shared by both gradients: filters from about 31 up, CPU and GPU"

    def __init__(self, cut: Callable[[Geometry, int], Tiling] | None = None) -> None:
        """Take the cost model's tiles, or those that `cut` returns for a case and item bytes."""
        self._weights = WeightSpectra()
        self._dense_weights = WeightSpectra(DENSE_KEPT_BYTES)
        self._cut = cut

    def unsupported(
        self, geometry: Geometry, dtype: torch.dtype, device: torch.device
    ) -> str | None:
        """Name the dtype that there is no real transform for."""
        if dtype not in (torch.float32, torch.float64):
            return f"method 'overlap_save' computes in float32 and float64, not in {dtype}"
        return None

    def prepare(self, geometry: Geometry, dtype: torch.dtype, device: torch.device) -> Maps:
        """Return the maps, out of those for stride and dilation 1."""

        def plain(geometry: Geometry) -> Maps:
            if device.type == "cpu" and self._cut is None:
                lengths = choice.dense_lengths(geometry, dtype.itemsize)
                if lengths is not None:
                    return ManyChannels(geometry, lengths, dtype, self._dense_weights)
            tiling = self.tiling(geometry, dtype.itemsize)
            engine = choice.engine_of(geometry, device.type == "cpu")
            run = engine.run(geometry, tiling, dtype, device)
            return OverlapSaveMaps(run, self._weights, keeps_spectra(geometry, tiling))

        return plain(geometry) if geometry.is_unit else Polyphase(geometry, plain)

    def tiling(self, geometry: Geometry, item_bytes: int) -> Tiling:
        """Return the tiles that a case with stride and dilation 1 is cut into."""
        if self._cut is not None:
            return self._cut(geometry, item_bytes)
        return choice.tiling(geometry, item_bytes)

    def seconds(
        self, names: tuple[Map, ...], geometry: Geometry, item_bytes: int, threads: int,
        learned: bool = False,
    ) -> float:  # fmt: skip
        """Ask the engine of the case."""
        return choice.seconds(names, geometry, item_bytes, threads, learned)

    def calibrate(self, dtype: torch.dtype) -> Found:
        """Time tiles and products."""
        from fftconv.methods.overlap_save import rates

        return rates.measure(type(self), dtype)

    def calibrate_call(self) -> dict[str, float]:
        """Time an image that is a tile."""
        from fftconv.methods.overlap_save import rates

        return {"fft_call": rates.call_s(type(self))}

    def filter_bytes(self, geometry: Geometry, item_bytes: int) -> int:
        """Return the bytes of the weight's spectra where products run over channels."""
        return choice.filter_bytes(geometry, item_bytes)

    def tile(self, geometry: Geometry, item_bytes: int) -> Pair:
        """Return the size of the transforms."""
        return choice.tile_of(geometry, item_bytes)


class OverlapSaveMaps(Maps):
    """The maps with stride and dilation 1, which keep spectra of weight and input for backward."""

    def __init__(self, run: Run, weights: WeightSpectra, keeps: bool) -> None:
        """Take what runs the case, where weights' spectra are kept, and if those of inputs are."""
        self._run, self._weights, self.keeps = run, weights, keeps

    def _spectra(self, w: Tensor) -> Tensor:
        return self._weights.get(w, self._run.weight, self._run.weight_spectra)

    def forward(self, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
        """Correlate tile by tile."""
        return self._run.forward(x, self._spectra(w), bias, False)[0]

    def forward_kept(self, x: Tensor, w: Tensor, bias: Tensor | None) -> Kept:
        """Correlate tile by tile; keep the spectra of the weight and of the input's tiles."""
        spectra = self._spectra(w)
        y, kept = self._run.forward(x, spectra, bias, self.keeps)
        return y, (spectra, *kept)

    def grad_input(self, g: Tensor, w: Tensor) -> Tensor:
        """Convolve tile by tile."""
        gx, _ = self._run.backward(g, None, self._spectra(w), ())
        assert gx is not None
        return gx

    def grad_weight(self, x: Tensor, g: Tensor) -> Tensor:
        """Correlate input and gradient tile by tile."""
        _, gw = self._run.backward(g, x, None, ())
        assert gw is not None
        return gw

    def grads(
        self,
        g: Tensor,
        x: Tensor,
        w: Tensor,
        need_input: bool = True,
        need_weight: bool = True,
        kept: Tensors = (),
    ) -> Gradients:
        """Both gradients from one transform of g, and from what the forward pass kept."""
        spectra = None
        if need_input:
            spectra = kept[0] if kept else self._spectra(w)
        return self._run.backward(g, x if need_weight else None, spectra, kept[1:])
