"""The cheapest tiling of a case, and the cheapest method for each of its maps."""

from __future__ import annotations

from functools import lru_cache
from math import inf, prod
from typing import TYPE_CHECKING

import torch

from fftconv.auto import dense_costs
from fftconv.auto.costs import compiled_s, native_s
from fftconv.calibration import machine as calibration
from fftconv.calibration.machine import Machine, current
from fftconv.methods.maps import MAPS, Map
from fftconv.methods.overlap_save.cost import overlap_save_s
from fftconv.methods.overlap_save.tiling import Tiling, candidates, too_large
from fftconv.methods.polyphase import count_parts
from fftconv.spectral.maps import Lengths

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
    method: str, names: tuple[Map, ...], geometry: Geometry, item_bytes: int, threads: int,
    learned: bool = False,
) -> float:  # fmt: skip
    """Return the seconds that a method is expected to take for some maps of a case.

    `learned` says that the weight changes from call to call.
    """
    machine = current()
    if method == "native":
        seconds = sum(native_s(name, geometry, item_bytes, machine) for name in names)
        # Constants of another machine may be those of wider vectors.
        if machine.processor != calibration.processor() and dense_costs.serves(geometry):
            floor = dense_costs.native_floor(geometry, machine, item_bytes, threads)
            seconds = max(seconds, len(names) * floor)
        return seconds
    if method == "compiled":
        return sum(compiled_s(name, geometry, item_bytes, machine, threads) for name in names)
    return _overlap_save_s(names, geometry, item_bytes, machine, threads, learned)


def _overlap_save_s(
    names: tuple[Map, ...], geometry: Geometry, item_bytes: int, machine: Machine, threads: int,
    learned: bool,
) -> float:  # fmt: skip
    if not geometry.is_unit:
        # The plain correlations that it is made of share nothing between maps, and each is copied
        # out of its place and added to another.
        ways = len(names) * _parts_copied(geometry) * machine.precision(item_bytes).copy
        return ways / threads + sum(
            count * _unit_overlap_save_s((name,), part, item_bytes, machine, threads, learned)
            for part, count in count_parts(geometry).items()
            for name in names
        )
    return _unit_overlap_save_s(names, geometry, item_bytes, machine, threads, learned)


def _parts_copied(geometry: Geometry) -> int:
    """Count the numbers of the planes that plain correlations read and write."""
    return sum(
        count * prod(shape)
        for part, count in count_parts(geometry).items()
        for shape in (part.input_shape, part.output_shape)
    )


def _unit_overlap_save_s(
    names: tuple[Map, ...], geometry: Geometry, item_bytes: int, machine: Machine, threads: int,
    learned: bool,
) -> float:  # fmt: skip
    by_channel = _by_channel_s(names, geometry, item_bytes, machine, threads)
    if dense_lengths(geometry, item_bytes) is None:
        return by_channel
    together = dense_costs.lengths(names, geometry, item_bytes, machine, threads, learned)
    return sum(seconds for seconds, _ in together.values())


def _by_channel_s(
    names: tuple[Map, ...], geometry: Geometry, item_bytes: int, machine: Machine, threads: int
) -> float:
    tiles = tiling(geometry, item_bytes)
    if too_large(geometry, tiles):
        return inf  # fast or not, it would take more memory than anybody expects
    return overlap_save_s(names, geometry, tiles, item_bytes, machine, threads)


def dense_lengths(geometry: Geometry, item_bytes: int) -> Lengths | None:
    """Return the sides of tiles of a case that is done by products over channels, else None."""
    current()
    threads, generation = torch.get_num_threads(), calibration.generation
    return _dense_lengths(geometry, item_bytes, threads, generation)


@lru_cache(maxsize=4096)
def _dense_lengths(
    geometry: Geometry, item_bytes: int, threads: int, _generation: int
) -> Lengths | None:
    if not dense_costs.serves(geometry):
        return None
    machine = current()
    learned, kept = (
        dense_costs.lengths(MAPS, geometry, item_bytes, machine, threads, learned)
        for learned in (True, False)
    )
    seconds = sum(seconds for seconds, _ in learned.values())
    if not learned or seconds > _by_channel_s(MAPS, geometry, item_bytes, machine, threads):
        return None
    return Lengths(
        kept["forward"][1], learned["forward"][1], learned["grad_input"][1],
        learned["grad_weight"][1],
    )  # fmt: skip


def tile_of(geometry: Geometry, item_bytes: int) -> tuple[int, int]:
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
            total += count * dense_costs.filter_bytes(part, lengths.forward, item_bytes)
    return total
