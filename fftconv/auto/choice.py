"""The cheapest tiling of a case, and the cheapest method for each of its maps."""

from __future__ import annotations

from functools import lru_cache
from math import inf
from typing import TYPE_CHECKING

import torch

from fftconv.auto.costs import compiled_s, native_s
from fftconv.calibration import machine as calibration
from fftconv.calibration.machine import Machine, current
from fftconv.methods.maps import MAPS, Map
from fftconv.methods.overlap_save.cost import overlap_save_s
from fftconv.methods.overlap_save.tiling import Tiling, candidates, too_large
from fftconv.methods.polyphase import count_parts

if TYPE_CHECKING:
    from fftconv.geometry import Geometry


def tiling(geometry: Geometry, item_bytes: int) -> Tiling:
    """Return the tiles for a case with stride and dilation 1: one cutting for all three maps."""
    current()
    return _tiling(geometry, item_bytes, torch.get_num_threads(), calibration.generation)


@lru_cache(maxsize=4096)
def _tiling(geometry: Geometry, item_bytes: int, threads: int, _generation: int) -> Tiling:
    machine = current()
    return min(
        candidates(geometry, item_bytes),
        key=lambda t: overlap_save_s(MAPS, geometry, t, item_bytes, machine, threads),
    )


def predict(
    method: str, names: tuple[Map, ...], geometry: Geometry, item_bytes: int, threads: int
) -> float:
    """Return the seconds that a method is expected to take for some maps of a case."""
    machine = current()
    if method == "native":
        return sum(native_s(name, geometry, item_bytes, machine) for name in names)
    if method == "compiled":
        return sum(compiled_s(name, geometry, item_bytes, machine, threads) for name in names)
    return _overlap_save_s(names, geometry, item_bytes, machine, threads)


def _overlap_save_s(
    names: tuple[Map, ...], geometry: Geometry, item_bytes: int, machine: Machine, threads: int
) -> float:
    if not geometry.is_unit:
        # The plain correlations that it is made of share nothing between maps.
        return sum(
            count * _unit_overlap_save_s((name,), part, item_bytes, machine, threads)
            for part, count in count_parts(geometry).items()
            for name in names
        )
    return _unit_overlap_save_s(names, geometry, item_bytes, machine, threads)


def _unit_overlap_save_s(
    names: tuple[Map, ...], geometry: Geometry, item_bytes: int, machine: Machine, threads: int
) -> float:
    tiles = tiling(geometry, item_bytes)
    if too_large(geometry, tiles):
        return inf  # fast or not, it would take more memory than anybody expects
    return overlap_save_s(names, geometry, tiles, item_bytes, machine, threads)


def tile_of(geometry: Geometry, item_bytes: int) -> tuple[int, int]:
    """Return the size of the transforms that a case is cut into."""
    part = geometry if geometry.is_unit else next(iter(count_parts(geometry)))
    return tiling(part, item_bytes).fft
