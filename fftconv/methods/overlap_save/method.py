"""FFTs of overlapping tiles: compiled passes on a CPU, torch's operations elsewhere.

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

from typing import TYPE_CHECKING, Any

import torch

from fftconv.calibration import machine
from fftconv.methods.method import Method
from fftconv.methods.new_memory import results_s
from fftconv.methods.overlap_save import choice
from fftconv.methods.overlap_save.weight_spectra import WeightSpectra
from fftconv.methods.polyphase import Polyphase

if TYPE_CHECKING:
    from collections.abc import Callable

    from fftconv.geometry import Geometry, Pair
    from fftconv.methods.maps import Map, Maps
    from fftconv.methods.method import Found
    from fftconv.methods.overlap_save.engine import Engine
    from fftconv.methods.overlap_save.tiling import Tiling


class OverlapSave(Method):
    """Tiled FFTs whose memory does not grow with the image."""

    name = "overlap_save"
    backend = "MKL, generated transforms or torch.fft"
    predicts = shares = True
    summary = "tiled FFT, spectra shared by both gradients: filters from about 31 up, CPU and GPU"

    def __init__(self, cut: Callable[[Geometry, int], Tiling] | None = None) -> None:
        """Take the cost model's choice, or tiles that `cut` returns for a case and item bytes."""
        self._weights: dict[object, WeightSpectra] = {}
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
            engine, cut = self._chosen(geometry, dtype.itemsize, device.type == "cpu")
            weights = self._weights.setdefault(engine, WeightSpectra(engine.kept_bytes()))
            return engine.run(geometry, cut, dtype, device, weights)

        return plain(geometry) if geometry.is_unit else Polyphase(geometry, plain)

    def _chosen(
        self, geometry: Geometry, item_bytes: int, on_cpu: bool
    ) -> tuple[Engine[Any], object]:
        if self._cut is not None:
            tiles = self._cut(geometry, item_bytes)
            return choice.tiled(geometry, on_cpu, tiles.own), tiles
        machine.current()  # looks at its file, for all that the engines ask of `known`
        chosen = choice.choose(geometry, item_bytes, on_cpu)
        return chosen.engine, chosen.cut

    def seconds(
        self, names: tuple[Map, ...], geometry: Geometry, item_bytes: int, threads: int,
        learned: bool = False,
    ) -> float:  # fmt: skip
        """Ask the engine of the case."""
        work = choice.seconds(names, geometry, item_bytes, threads, learned)
        return work + results_s(names, geometry, item_bytes, machine.known(), threads)

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

    def tile(self, geometry: Geometry, item_bytes: int) -> tuple[Pair, str]:
        """Return the size of the transforms, and whose they are."""
        return choice.tile_of(geometry, item_bytes)
