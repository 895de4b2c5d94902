"""The engine for filters of one column: whichever engine has the transposed planes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fftconv.calibration.machine import known
from fftconv.methods.overlap_save.engine import Choice, Engine
from fftconv.methods.turned import Turned, is_column, turned

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from fftconv.geometry import Geometry, Pair
    from fftconv.methods.maps import Map
    from fftconv.methods.overlap_save.weight_spectra import WeightSpectra


class Columns(Engine[Choice]):
    """Tiles of one column, which are tiles of one row of the transposed planes."""

    def __init__(self, choose: Callable[[Geometry, int], Choice]) -> None:
        """Take what chooses among all engines."""
        self._choose = choose

    def serves(self, geometry: Geometry, on_cpu: bool) -> bool:
        """Whether the filter is one column."""
        return on_cpu and is_column(geometry)

    def cut(self, geometry: Geometry, item_bytes: int, threads: int) -> Choice:
        """Let the transposed case be cut."""
        del threads
        return self._choose(turned(geometry), item_bytes)

    def run(
        self, geometry: Geometry, cut: Choice, dtype: torch.dtype, device: torch.device,
        weights: WeightSpectra,
    ) -> Turned:  # fmt: skip
        """Return the maps of the transposed case, between transpositions."""
        return Turned(cut.engine.run(cut.geometry, cut.cut, dtype, device, weights))

    def seconds(
        self, names: tuple[Map, ...], geometry: Geometry, cut: Choice, item_bytes: int,
        threads: int, learned: bool,
    ) -> float:  # fmt: skip
        """Predict the transposed case, and the copies of planes that are wider than one column."""
        copies = 0 if geometry.is_one_column else geometry.numbers * len(names)
        copying = copies * known().precision(item_bytes).copy / threads
        return copying + cut.seconds(names, item_bytes, threads, learned)

    def tile(self, cut: Choice) -> Pair:
        """Return the size of the transforms as the case's own planes have it."""
        width, height = cut.engine.tile(cut.cut)
        return height, width

    def transforms(self, cut: Choice) -> str:
        """Name those of the turned case."""
        return cut.engine.transforms(cut.cut)

    def filter_bytes(self, geometry: Geometry, cut: Choice, item_bytes: int) -> int:
        """Return what the transposed case takes."""
        return cut.engine.filter_bytes(cut.geometry, cut.cut, item_bytes)
