"""The engine for many channels: which cases it may have, and with which tiles."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from fftconv.calibration.machine import known
from fftconv.methods.overlap_save.engine import (
    GENERATED_CODE,
    WINOGRAD_CODE,
    Engine,
    memory_share,
)
from fftconv.methods.overlap_save.many_channels import cost
from fftconv.methods.overlap_save.many_channels.correlation import Correlation
from fftconv.methods.overlap_save.many_channels.cutting import cut as tiled
from fftconv.methods.overlap_save.many_channels.cutting import filter_bytes
from fftconv.methods.overlap_save.many_channels.lengths import Lengths, is_winograd
from fftconv.methods.overlap_save.many_channels.maps import ManyChannelsMaps
from fftconv.methods.overlap_save.search import once, rounded

if TYPE_CHECKING:
    from fftconv.geometry import Geometry, Pair
    from fftconv.methods.maps import Map
    from fftconv.methods.overlap_save.weight_spectra import WeightSpectra


class ManyChannels(Engine[Lengths]):
    """Small tiles, and one complex matrix product over the channels per frequency."""

    def kept_bytes(self) -> int:
        """Return the bytes of weight spectra that are kept between calls."""
        return memory_share()

    def serves(self, geometry: Geometry, on_cpu: bool) -> bool:
        """Whether there are enough channels, and something to transform."""
        return on_cpu and cost.serves(geometry)

    def cut(self, geometry: Geometry, item_bytes: int, threads: int) -> Lengths | None:
        """Return for each map the tiles that it takes least time with."""
        larger = rounded(geometry)
        found = once(self.searched, larger, item_bytes, threads)
        if larger is geometry or (found is not None and cost.fit(geometry, found, item_bytes)):
            return found
        return self.searched(geometry, item_bytes, threads)

    def searched(self, geometry: Geometry, item_bytes: int, threads: int) -> Lengths | None:
        """Search a case for tiles by itself."""
        return cost.lengths(geometry, item_bytes, known().precision(item_bytes).dense, threads)

    def run(
        self, geometry: Geometry, cut: Lengths, dtype: torch.dtype, device: torch.device,
        weights: WeightSpectra,
    ) -> ManyChannelsMaps:  # fmt: skip
        """Return the maps of a case."""
        del device
        return ManyChannelsMaps(geometry, cut, dtype, weights)

    def seconds(
        self, names: tuple[Map, ...], geometry: Geometry, cut: Lengths, item_bytes: int,
        threads: int, learned: bool,
    ) -> float:  # fmt: skip
        """Predict maps one by one: they share nothing."""
        rates = known().precision(item_bytes).dense
        return sum(
            cost.seconds(name, geometry, cut.of(name, learned), item_bytes, rates, threads, learned)
            for name in names
        )

    def tile(self, cut: Lengths) -> Pair:
        """Return the size of the transforms."""
        return cut.forward, cut.forward

    def transforms(self, cut: Lengths) -> str:
        """Say which of the generated ones: there are no others."""
        return WINOGRAD_CODE if is_winograd(cut.forward) else GENERATED_CODE

    def filter_bytes(self, geometry: Geometry, cut: Lengths, item_bytes: int) -> int:
        """Return the bytes of the weight's spectra: one for each pair of channels.

        Where they are made as they are used, they are those that threads have at a time.
        """
        case = Correlation.forward(geometry)
        tiles = tiled(case, cut.forward, item_bytes, learned=False)
        if tiles is not None and tiles.by_pairs:
            pair = replace(case, groups=1, outs=1)
            return torch.get_num_threads() * filter_bytes(pair, cut.forward, item_bytes)
        return filter_bytes(case, cut.forward, item_bytes)
