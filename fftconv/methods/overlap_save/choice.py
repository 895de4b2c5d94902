"""Which engine serves a case, how it is cut up, and how long that takes."""

from __future__ import annotations

from functools import lru_cache
from math import inf
from typing import TYPE_CHECKING

import torch

from fftconv.calibration import machine as calibration
from fftconv.methods.maps import MAPS, Map
from fftconv.methods.overlap_save.few_channels import FewChannels
from fftconv.methods.overlap_save.tiling import Tiling, candidates, too_large
from fftconv.methods.overlap_save.torch_engine import ByTorch
from fftconv.methods.polyphase import count_parts

if TYPE_CHECKING:
    from fftconv.geometry import Geometry, Pair
    from fftconv.methods.overlap_save.engine import Engine

ENGINES: tuple[Engine, ...] = (FewChannels(), ByTorch())
"""The first that serves a case has it."""


def engine_of(geometry: Geometry, on_cpu: bool = True) -> Engine:
    """Return the engine of a case with stride and dilation 1."""
    return next(engine for engine in ENGINES if engine.serves(geometry, on_cpu))


def tiling(geometry: Geometry, item_bytes: int) -> Tiling:
    """Return the tiles for a case with stride and dilation 1: one cutting for all three maps."""
    calibration.current()
    return _tiling(geometry, item_bytes, torch.get_num_threads(), calibration.generation)


@lru_cache(maxsize=4096)
def _tiling(geometry: Geometry, item_bytes: int, threads: int, _generation: int) -> Tiling:
    engine, machine = engine_of(geometry), calibration.current()
    call, rates = machine.fft_call, machine.precision(item_bytes)
    return min(
        candidates(geometry, item_bytes, engine.numbers),
        key=lambda tiles: engine.seconds(MAPS, geometry, tiles, call, rates, threads),
    )


def seconds(names: tuple[Map, ...], geometry: Geometry, item_bytes: int, threads: int) -> float:
    """Predict one map, both gradients, or all three: they share spectra."""
    if not geometry.is_unit:
        # The plain correlations that it is made of share nothing between maps.
        return sum(
            count * seconds((name,), part, item_bytes, threads)
            for part, count in count_parts(geometry).items()
            for name in names
        )
    tiles, engine = tiling(geometry, item_bytes), engine_of(geometry)
    if too_large(geometry, tiles, engine.numbers):
        return inf  # fast or not, it would take more memory than anybody expects
    machine = calibration.current()
    rates = machine.precision(item_bytes)
    return engine.seconds(names, geometry, tiles, machine.fft_call, rates, threads)


def tile_of(geometry: Geometry, item_bytes: int) -> Pair:
    """Return the size of the transforms that a case is cut into."""
    part = geometry if geometry.is_unit else next(iter(count_parts(geometry)))
    return tiling(part, item_bytes).fft
