"""Which engine serves a case, how it is cut up, and how long that takes."""

from __future__ import annotations

from functools import lru_cache
from math import inf, prod
from typing import TYPE_CHECKING

import torch

from fftconv.calibration import machine as calibration
from fftconv.methods.maps import MAPS, Map
from fftconv.methods.overlap_save.few_channels import FewChannels
from fftconv.methods.overlap_save.many_channels import cost as dense_cost
from fftconv.methods.overlap_save.many_channels.maps import Lengths
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


def seconds(
    names: tuple[Map, ...], geometry: Geometry, item_bytes: int, threads: int, learned: bool
) -> float:
    """Predict one map, both gradients, or all three: they share spectra."""
    if geometry.is_unit:
        return _unit_seconds(names, geometry, item_bytes, threads, learned)
    # The plain correlations that it is made of share nothing between maps, and each is copied out
    # of its place and added to another.
    copy = calibration.current().precision(item_bytes).copy
    return len(names) * _copied(geometry) * copy / threads + sum(
        count * _unit_seconds((name,), part, item_bytes, threads, learned)
        for part, count in count_parts(geometry).items()
        for name in names
    )


def _copied(geometry: Geometry) -> int:
    """Count the numbers of the planes that plain correlations read and write."""
    return sum(
        count * prod(shape)
        for part, count in count_parts(geometry).items()
        for shape in (part.input_shape, part.output_shape)
    )


def _unit_seconds(
    names: tuple[Map, ...], geometry: Geometry, item_bytes: int, threads: int, learned: bool
) -> float:
    if dense_lengths(geometry, item_bytes) is None:
        return _tiled_s(names, geometry, item_bytes, threads)
    machine = calibration.current()
    found = dense_cost.lengths(names, geometry, item_bytes, machine, threads, learned)
    return sum(predicted for predicted, _ in found.values())


def _tiled_s(names: tuple[Map, ...], geometry: Geometry, item_bytes: int, threads: int) -> float:
    tiles, engine = tiling(geometry, item_bytes), engine_of(geometry)
    if too_large(geometry, tiles, engine.numbers):
        return inf  # fast or not, it would take more memory than anybody expects
    machine = calibration.current()
    rates = machine.precision(item_bytes)
    return engine.seconds(names, geometry, tiles, machine.fft_call, rates, threads)


def dense_lengths(geometry: Geometry, item_bytes: int) -> Lengths | None:
    """Return the sides of tiles of a case that is done by products over channels, else None."""
    calibration.current()
    return _dense_lengths(geometry, item_bytes, torch.get_num_threads(), calibration.generation)


@lru_cache(maxsize=4096)
def _dense_lengths(
    geometry: Geometry, item_bytes: int, threads: int, _generation: int
) -> Lengths | None:
    if not dense_cost.serves(geometry):
        return None
    machine = calibration.current()
    learned, kept = (
        dense_cost.lengths(MAPS, geometry, item_bytes, machine, threads, learned)
        for learned in (True, False)
    )
    predicted = sum(seconds for seconds, _ in learned.values())
    if not learned or predicted > _tiled_s(MAPS, geometry, item_bytes, threads):
        return None
    return Lengths(
        kept["forward"][1], learned["forward"][1], learned["grad_input"][1],
        learned["grad_weight"][1],
    )  # fmt: skip


def tile_of(geometry: Geometry, item_bytes: int) -> Pair:
    """Return the size of the transforms that a case is cut into."""
    part = geometry if geometry.is_unit else next(iter(count_parts(geometry)))
    lengths = dense_lengths(part, item_bytes)
    return (lengths.forward, lengths.forward) if lengths else tiling(part, item_bytes).fft


def filter_bytes(geometry: Geometry, item_bytes: int) -> int:
    """Return the bytes of a weight's spectra where products run over channels, else 0."""
    total = 0
    parts = {geometry: 1} if geometry.is_unit else count_parts(geometry)
    for part, count in parts.items():
        lengths = dense_lengths(part, item_bytes)
        if lengths:
            total += count * dense_cost.filter_bytes(part, lengths.forward, item_bytes)
    return total
