"""Engines whose tiles are cut as `tiling` says, alike for all maps, which share spectra."""

from __future__ import annotations

from abc import abstractmethod
from math import inf
from typing import TYPE_CHECKING, Protocol

from fftconv.calibration.machine import known
from fftconv.machine_code.usable import obstacle
from fftconv.methods.maps import MAPS, Maps
from fftconv.methods.overlap_save import mkl
from fftconv.methods.overlap_save.engine import Engine
from fftconv.methods.overlap_save.search import cheapest, fitted, once, rounded
from fftconv.methods.overlap_save.tiling import (
    Tiling,
    cut,
    keeps_spectra,
    own_fitted,
    too_large,
)

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from fftconv.calibration.constants import Precision
    from fftconv.geometry import Geometry, Pair
    from fftconv.methods.maps import Gradients, Kept, Map, Tensors
    from fftconv.methods.overlap_save.weight_spectra import WeightSpectra

#: Channels of a group, of input or output whichever has fewer, up to which tiles are done one after
#: the other. A transform of each channel is then a good part of the work. (16 to 7, 128x128 under
#: 7x7: 0.64 ms either way; more are the work of `many_channels`.)
MOST_OF_FEWER = 16
#: Sides of filters for which generated transforms are long enough: half of the longest.
OWN_MOST_TAPS = 128


def one_by_one(geometry: Geometry, on_cpu: bool) -> bool:
    """Whether a case is done one tile after the other, and not many tiles at a time."""
    ins, outs = geometry.channels_per_group
    # Of an image of one row all tiles would be in flight at once, and its spectra are as long.
    is_row = geometry.input_size[0] == geometry.kernel_size[0] == 1
    if not on_cpu or (min(ins, outs) > MOST_OF_FEWER and not is_row):
        return False
    # Whatever goes through single tiles is compiled.
    return obstacle() is None and (mkl.available() or own_serves(geometry))


def own_serves(geometry: Geometry) -> bool:
    """Whether there are generated transforms for a case."""
    sides = geometry.kernel_size
    return min(sides) > 1 and max(sides) <= OWN_MOST_TAPS


class Run(Protocol):
    """One case, cut up in one way, ready for any operands."""

    weight: str
    """Equal for what transforms weights alike."""

    def weight_spectra(self, w: Tensor) -> Tensor:
        """Return the spectra of a weight."""

    def forward(self, x: Tensor, spectra: Tensor, bias: Tensor | None, keep: bool) -> Kept:
        """Return the output, and the spectra of the input's tiles if they are to be kept."""

    def backward(
        self, g: Tensor, x: Tensor | None, spectra: Tensor | None, kept: Tensors
    ) -> Gradients:
        """Return the input's gradient if there are spectra, the weight's if there is an input."""


class TiledEngine(Engine[Tiling]):
    """What such engines have in common: three questions are left to answer."""

    @abstractmethod
    def tiles(
        self, geometry: Geometry, tiling: Tiling, dtype: torch.dtype, device: torch.device
    ) -> Run:
        """Return what works through the tiles of a case."""

    @abstractmethod
    def numbers(self, geometry: Geometry, tiling: Tiling) -> float:
        """Count the numbers alive at the worst moment, while both gradients are computed.

        Operands do not count, results do.
        """

    def ways(self, geometry: Geometry) -> tuple[bool, ...]:
        """Return whose transforms there are for a case: generated ones, if True, or others."""
        del geometry
        return (False,)

    @abstractmethod
    def predict(
        self, names: tuple[Map, ...], geometry: Geometry, tiling: Tiling, call: float,
        rates: Precision, threads: int, item_bytes: int,
    ) -> float:  # fmt: skip
        """Predict some maps of a case together; a call takes `call` seconds beside its work."""

    def cut(self, geometry: Geometry, item_bytes: int, threads: int) -> Tiling:
        """Return the tiles that all three maps together take least time with."""
        larger = rounded(geometry)
        found = once(self.searched, larger, item_bytes, threads)
        if larger is geometry:
            return found
        if found.own:
            height, width = (own_fitted(geometry, axis, found.fft[axis]) for axis in (0, 1))
            fft = height, width
        else:
            fft = fitted(geometry, larger, found.fft)
        tiling = cut(geometry, fft, item_bytes, self.numbers, found.own)
        if too_large(geometry, tiling, self.numbers):
            return self.searched(geometry, item_bytes, threads)
        return tiling

    def searched(self, geometry: Geometry, item_bytes: int, threads: int) -> Tiling:
        """Search a case for tiles by itself."""
        machine = known()
        call, rates = machine.fft_call, machine.precision(item_bytes)

        def seconds(tiling: Tiling) -> float:
            return self.predict(MAPS, geometry, tiling, call, rates, threads, item_bytes)

        found = [
            cheapest(geometry, item_bytes, self.numbers, seconds, own)
            for own in self.ways(geometry)
        ]
        return min(found, key=lambda one: (too_large(geometry, one, self.numbers), seconds(one)))

    def run(
        self, geometry: Geometry, cut: Tiling, dtype: torch.dtype, device: torch.device,
        weights: WeightSpectra,
    ) -> Maps:  # fmt: skip
        """Return maps that keep the spectra of weights and, for gradients, of inputs."""
        tiles = self.tiles(geometry, cut, dtype, device)
        return TiledMaps(tiles, weights, keeps_spectra(geometry, cut))

    def seconds(
        self, names: tuple[Map, ...], geometry: Geometry, cut: Tiling, item_bytes: int,
        threads: int, learned: bool,
    ) -> float:  # fmt: skip
        """Predict; fast or not, no case is to take more memory than anybody expects."""
        del learned
        if too_large(geometry, cut, self.numbers):
            return inf
        machine = known()
        call, rates = machine.fft_call, machine.precision(item_bytes)
        return self.predict(names, geometry, cut, call, rates, threads, item_bytes)

    def tile(self, cut: Tiling) -> Pair:
        """Return the size of all transforms."""
        return cut.fft


class TiledMaps(Maps):
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
        if not self.keeps:
            return self.forward(x, w, bias), ()
        spectra = self._spectra(w)
        y, kept = self._run.forward(x, spectra, bias, True)
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
