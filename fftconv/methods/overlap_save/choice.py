"""Which engine has a case, how it cuts the case up, and how long that takes."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any

import torch

from fftconv.calibration import machine as calibration
from fftconv.geometry import CASES_KEPT
from fftconv.methods.maps import MAPS, Map
from fftconv.methods.overlap_save.columns import Columns
from fftconv.methods.overlap_save.engine import Choice
from fftconv.methods.overlap_save.few_channels import FewChannels
from fftconv.methods.overlap_save.many_channels.engine import ManyChannels
from fftconv.methods.overlap_save.tiled import TiledEngine
from fftconv.methods.overlap_save.torch_engine import ByTorch
from fftconv.methods.polyphase import count_parts

if TYPE_CHECKING:
    from fftconv.geometry import Geometry, Pair
    from fftconv.methods.overlap_save.engine import Engine


def choose(geometry: Geometry, item_bytes: int, on_cpu: bool = True) -> Choice:
    """Return what has a case with stride and dilation 1."""
    threads, generation = torch.get_num_threads(), calibration.generation
    return _choose(ENGINES, geometry, item_bytes, on_cpu, threads, generation)


@lru_cache(maxsize=CASES_KEPT)
def _choose(
    engines: tuple[Engine[Any], ...], geometry: Geometry, item_bytes: int, on_cpu: bool,
    threads: int, _generation: int,
) -> Choice:  # fmt: skip
    serving = [engine for engine in engines if engine.serves(geometry, on_cpu)]
    cuts = [(engine, engine.cut(geometry, item_bytes, threads)) for engine in serving]
    choices = [Choice(geometry, engine, cut) for engine, cut in cuts if cut is not None]
    if len(choices) == 1:
        return choices[0]
    return min(choices, key=lambda choice: choice.seconds(MAPS, item_bytes, threads, learned=True))


ENGINES: tuple[Engine[Any], ...] = (FewChannels(), ByTorch(), ManyChannels(), Columns(choose))
"""Of those that serve a case, the one that is predicted the fastest has it."""


def tiled(geometry: Geometry, on_cpu: bool, own: bool = False) -> TiledEngine:
    """Return the engine that takes tiles which are told, `own` or not."""
    engines = (engine for engine in ENGINES if isinstance(engine, TiledEngine))
    return next(
        engine
        for engine in engines
        if engine.serves(geometry, on_cpu) and own in engine.ways(geometry)
    )


def seconds(
    names: tuple[Map, ...], geometry: Geometry, item_bytes: int, threads: int, learned: bool
) -> float:
    """Predict one map, both gradients, or all three: they share spectra."""
    if geometry.is_unit:
        return choose(geometry, item_bytes).seconds(names, item_bytes, threads, learned)
    # The plain correlations that it is made of share nothing between maps, and each is copied out
    # of its place and added to another.
    copy = calibration.known().precision(item_bytes).copy
    return len(names) * _copied(geometry) * copy / threads + sum(
        count * choose(part, item_bytes).seconds((name,), item_bytes, threads, learned)
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


def tile_of(geometry: Geometry, item_bytes: int) -> tuple[Pair, str]:
    """Return the size of the transforms that a case is cut into, and whose they are."""
    part = geometry if geometry.is_unit else next(iter(count_parts(geometry)))
    chosen = choose(part, item_bytes)
    return chosen.engine.tile(chosen.cut), chosen.engine.transforms(chosen.cut)


def filter_bytes(geometry: Geometry, item_bytes: int) -> int:
    """Return the bytes of a weight's spectra that do not count as results, see `Engine`."""
    parts = {geometry: 1} if geometry.is_unit else count_parts(geometry)
    chosen = {part: choose(part, item_bytes) for part in parts}
    return sum(
        count * chosen[part].engine.filter_bytes(part, chosen[part].cut, item_bytes)
        for part, count in parts.items()
    )
