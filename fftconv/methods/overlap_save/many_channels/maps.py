"""The three maps of a case with many channels, out of correlations and the filters' gradient.

The gradient of the input is a correlation of the output's gradient with the filters, turned by
half and with the channels exchanged: so there are two kinds of spectra of a weight. Fourier's of
the forward pass are kept between calls while nothing is learned; in training a weight changes at
each step, and its spectra are made anew, by each pair of outputs for itself where they are large
(`Cut.by_pairs`). Winograd's that large always are.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, cast

from fftconv.machine_code import pages
from fftconv.machine_code.scratch import aligned
from fftconv.methods.maps import Maps
from fftconv.methods.overlap_save.many_channels.correlation import Correlation
from fftconv.methods.overlap_save.many_channels.cutting import cut

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from fftconv.geometry import Geometry
    from fftconv.methods.maps import Kept
    from fftconv.methods.overlap_save.many_channels.by_outputs import ByOutputs
    from fftconv.methods.overlap_save.many_channels.correlators import Correlator
    from fftconv.methods.overlap_save.many_channels.cutting import Cut
    from fftconv.methods.overlap_save.many_channels.filter_gradient import FilterGradient
    from fftconv.methods.overlap_save.many_channels.lengths import Lengths
    from fftconv.methods.overlap_save.many_channels.sums_apart import FilterGradientApart
    from fftconv.methods.overlap_save.weight_spectra import WeightSpectra


class ManyChannelsMaps(Maps):
    """The maps with stride and dilation 1; a tile's length may differ from map to map."""

    def __init__(
        self, geometry: Geometry, lengths: Lengths, dtype: torch.dtype,
        weights: WeightSpectra,
    ) -> None:  # fmt: skip
        """Take the sides of tiles, and where the spectra of weights are kept."""
        self._geometry, self._lengths = geometry, lengths
        self._dtype, self._weights = dtype, weights
        self._case = Correlation.forward(geometry)

    def _cut(self, case: Correlation, length: int, sums: bool = False, learned: bool = True) -> Cut:
        tiles = cut(case, length, self._dtype.itemsize, sums, learned)
        assert tiles is not None
        return tiles

    def _correlator(
        self, case: Correlation, tiles: Cut, turned: bool = False
    ) -> Correlator | ByOutputs:
        from fftconv.methods.overlap_save.many_channels.by_outputs import ByOutputs
        from fftconv.methods.overlap_save.many_channels.correlators import Correlator

        kind = ByOutputs if tiles.by_pairs else Correlator
        return kind(case, tiles, self._dtype, turned)

    @cached_property
    def _tiles(self) -> Cut:
        return self._cut(self._case, self._lengths.forward, learned=False)

    @cached_property
    def _forward(self) -> Correlator | ByOutputs:
        return self._correlator(self._case, self._tiles)

    @cached_property
    def _learned(self) -> Correlator | ByOutputs:
        tiles = self._cut(self._case, self._lengths.learned)
        if tiles == self._tiles:
            return self._forward
        return self._correlator(self._case, tiles)

    @cached_property
    def _turned(self) -> Correlator | ByOutputs:
        case = self._case.turned()
        return self._correlator(case, self._cut(case, self._lengths.grad_input), turned=True)

    @cached_property
    def _filters(self) -> FilterGradient | FilterGradientApart:
        from fftconv.methods.overlap_save.many_channels.filter_gradient import FilterGradient
        from fftconv.methods.overlap_save.many_channels.sums_apart import FilterGradientApart

        cut = self._cut(self._case, self._lengths.grad_weight, sums=True)
        kind = FilterGradientApart if cut.apart else FilterGradient
        return kind(self._case, cut, self._dtype)

    def forward(self, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
        """Correlate, with spectra of the weight that are kept unless each output makes its own."""
        y = pages.new(x, self._geometry.output_shape)
        if self._forward.cut.by_pairs:
            self._forward.anew(x, w, bias, y)
        else:
            keeping = cast("Correlator", self._forward)
            spectra = self._weights.get(w, keeping.key, keeping.spectra)
            keeping.run(x, aligned(spectra), bias, y)
        return y

    def forward_kept(self, x: Tensor, w: Tensor, bias: Tensor | None) -> Kept:
        """Correlate with a weight that is being learned; keep nothing."""
        y = pages.new(x, self._geometry.output_shape)
        self._learned.anew(x, w, bias, y)
        return y, ()

    def grad_input(self, g: Tensor, w: Tensor) -> Tensor:
        """Correlate with the weight turned by half."""
        gx = pages.new(g, self._geometry.input_shape)
        self._turned.anew(g, w, None, gx)
        return gx

    def grad_weight(self, x: Tensor, g: Tensor) -> Tensor:
        """Correlate input and gradient tile by tile, and sum over the tiles."""
        return self._filters.run(x, g).view(self._geometry.weight_shape)
