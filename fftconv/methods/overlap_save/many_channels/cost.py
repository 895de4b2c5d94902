"""Predicted seconds of correlations of many channels, and the length of tile that takes fewest."""

from __future__ import annotations

from math import log2, prod
from typing import TYPE_CHECKING

import torch

from fftconv.calibration.between import neighbours, per_byte
from fftconv.calibration.machine import known
from fftconv.machine_code.memory import cache_bytes
from fftconv.machine_code.scratch import KEPT_BYTES
from fftconv.machine_code.target import target
from fftconv.machine_code.usable import obstacle
from fftconv.methods.maps import MAPS
from fftconv.methods.overlap_save.many_channels.correlation import Correlation
from fftconv.methods.overlap_save.many_channels.cutting import (
    PAIR_SHARE,
    cut,
    filter_bytes,
    near_filters,
    pairs_of,
    row_bytes,
)
from fftconv.methods.overlap_save.many_channels.lengths import LENGTHS, Lengths, is_winograd

if TYPE_CHECKING:
    from typing import TypeAlias

    from fftconv.calibration.constants import Dense
    from fftconv.geometry import Geometry
    from fftconv.methods.maps import Map
    from fftconv.methods.overlap_save.many_channels.cutting import Cut

    Case: TypeAlias = tuple[Correlation, Cut]

#: Channels of a group, in and out, below which vectors of channels are half empty.
FEWEST = 6
#: Seconds per call and per pass that threads share. (Between the layers of a network, which leave
#: nothing of it in the caches, a call's way through Python takes 0.1 to 0.3 ms more than native's,
#: on a Xeon. That is not counted: ResNet-50 with one image would gain a hundredth, and calls that
#: are repeated lose up to a half.)
CALL_S, PASS_S = 6e-5, 6e-6
#: Thread-seconds per byte of a weight that is compared with what it was (Xeon: 2e-10 to 2.6e-10).
COMPARING_S = 2.5e-10
#: Seconds per byte of tiles' spectra that threads which share passes have from each other's caches
#: (two threads of a Xeon: 0.9e-10 to 1.4e-10 for 2 to 13 MB).
SHARED_S = 1e-10
#: What the product costs beside its multiplications, in output channels.
PACKING = 6
#: Steps of a transform's logarithm that reading and writing a tile are worth.
MOVING = 2
#: Thread-seconds per byte of spectra that are read from memory (Xeon, AVX-512, 18 layers of 128 to
#: 512 channels: 4e-11 to 9e-11 at 17 to 40 MB, 8e-11 to 1.2e-10 at 71 to 155 MB).
MEMORY_S = 1e-10
#: What a pair of real products costs beside a complex one; and Winograd's way of a byte of a
#: filter's spectra that does not leave the cache, beside Fourier's of one that does (Xeon with AMX,
#: 16 to 64 channels and 256 and 512: 0.72 to 0.75, 0.8 to 0.85; 0.35).
REAL, NEAR = 0.75, 0.35
#: The same of Fourier's, where those of a pair's filters that are made at a time have their share
#: of the cache, and where they take half as much again (Xeon with AVX-512, 256 and 512 channels,
#: 5x5 to 15x15, tiles of 10 to 32: 0.35 to 0.55; 0.75 to 1.2); and the way back beside that there.
NEARER, LEFT, BACK = 0.45, 0.95, 1.3
#: Winograd's way of a tile, beside Fourier's, of threads that work apart: where the spectra of a
#: chunk and of all filters are twice what the core's cache holds, and where they fit it (Xeon, 128
#: and 256 channels; 16 to 64).
QUICK, QUICKER = 0.9, 0.6
#: Thread-seconds per byte of a chunk's spectra that come from memory, of which there are two each
#: way (Xeon, 64 and 128 channels: 3e-11 of chunks of 4 MB, 6e-11 of 8 MB).
SPILLED_S = 1.5e-10
#: Winograd's tiles have to take so much less than Fourier's: their results are less exact. (Not
#: much: in a network their spectra, which are fewer, are near again sooner. VGG-16 with one image
#: takes 0.94 and 0.98 of the time that it has with a tenth.)
WORTH = 1.04


def serves(geometry: Geometry) -> bool:
    """Whether a case with stride and dilation 1 may be computed so on a CPU."""
    few = min(geometry.channels_per_group)
    return few >= FEWEST and max(geometry.kernel_size) > 1 and obstacle() is None


def lengths(geometry: Geometry, item_bytes: int, rates: Dense, threads: int) -> Lengths | None:
    """Return the lengths of tiles that each map takes least time with; None if none fits."""
    found = []
    for name in MAPS:
        for learned in (False, True) if name == "forward" else (True,):
            possible = [
                (length, fitting)
                for length in LENGTHS
                if (fitting := _fitting(name, geometry, length, item_bytes, learned)) is not None
            ]
            if not possible:
                return None
            costs = [
                (
                    _seconds(name, *fitting, item_bytes, rates, threads, learned)
                    * (WORTH if is_winograd(length) else 1),
                    length,
                )
                for length, fitting in possible
            ]
            found.append(min(costs)[1])
    return Lengths(*found)


def fit(geometry: Geometry, lengths: Lengths, item_bytes: int) -> bool:
    """Whether tiles that suit a larger image suit this one."""
    kinds = {(name, lengths.of(name, some), some) for name in MAPS for some in (False, True)}
    return all(_fitting(name, geometry, side, item_bytes, some) for name, side, some in kinds)


def _case(
    name: Map, geometry: Geometry, length: int, item: int, learned: bool
) -> tuple[Correlation, Cut | None]:
    """Return a map as a correlation, and its tiles of a length, None if the filter is larger."""
    case = Correlation.forward(geometry)
    if name == "grad_input":
        case = case.turned()
    return case, cut(case, length, item, name == "grad_weight", learned)


def _fitting(name: Map, geometry: Geometry, length: int, item: int, learned: bool) -> Case | None:
    """Return a case whose passes have no more between them than three times input and output.

    Where spectra of a learned weight, or of its gradient, are never in memory all at once, as much
    more as they would take.
    """
    learned = learned or name != "forward"
    case, tiles = _case(name, geometry, length, item, learned)
    if tiles is None:
        return None
    channels = (case.ins, case.outs) if name == "grad_weight" else (max(case.ins, case.outs),)
    tile = sum(2 * row_bytes(count, item, target().vector_bytes) for count in channels)
    between = case.groups * tiles.bins * tiles.most_tiles * tile
    at_once = tiles.chunks_at_once(torch.get_num_threads())
    between *= at_once
    if name == "grad_weight" and tiles.apart:
        # Sums of one thread take the place of the weight's spectra.
        between += (at_once - 1) * filter_bytes(case, length, item)
    room = case.room(item)
    if tiles.by_pairs and learned:
        room += filter_bytes(case, length, item)
    return (case, tiles) if between <= room else None


def seconds(
    name: Map, geometry: Geometry, length: int, item: int, rates: Dense, threads: int,
    learned: bool, hot: bool = False,
) -> float:  # fmt: skip
    """Predict one map with tiles of a length, which must be possible.

    `hot` says that nothing came between this call and the last one, as where rates are measured.
    """
    case, tiles = _case(name, geometry, length, item, learned or name != "forward")
    assert tiles is not None
    return _seconds(name, case, tiles, item, rates, threads, learned, hot)


def _seconds(
    name: Map, case: Correlation, tiles: Cut, item: int, rates: Dense, threads: int,
    learned: bool, hot: bool = False,
) -> float:  # fmt: skip
    number = tiles.first_tile(tiles.all_units)
    chunks = tiles.number
    lanes = target().vector_bytes // item
    ins, outs = (-(-count // lanes) * lanes for count in (case.ins, case.outs))
    points = tiles.length**2 * (log2(tiles.length) + MOVING)
    places = case.groups * tiles.bins
    spectra = places * case.ins * outs * 2 * item
    multiply = rates.product * (REAL if is_winograd(tiles.length) else 1)
    pairs = pairs_of(case.outs, item)
    # Each pair of vectors of outputs packs the other factor for itself.
    packing = PACKING * (pairs if tiles.by_pairs and not is_winograd(tiles.length) else 1)
    work = places * number * case.ins * (outs + packing) * multiply
    tile = places * 2 * row_bytes(max(case.ins, case.outs), item, target().vector_bytes)
    chunk = tile * tiles.most_tiles
    way = case.groups * number * (ins + outs) * points * rates.transform
    if tiles.apart and is_winograd(tiles.length):
        _, share = neighbours((cache_bytes(), 2 * cache_bytes()), chunk + spectra)
        way *= QUICKER + (QUICK - QUICKER) * share
    work += way
    taps = case.groups * case.ins * case.outs * prod(case.kernel)
    if tiles.by_pairs:
        # Spectra of the weight are in a core's cache, and never anywhere else.
        made = spectra * rates.filter * _near(tiles, case, item) + taps * item * MEMORY_S
        # Threads that share a pair make its spectra each.
        sharing = 1 if name == "grad_weight" else -(-2 * threads // (pairs * case.groups))
        if name == "grad_weight" and not is_winograd(tiles.length):
            made *= BACK
        work += chunks * made * sharing
        if name == "grad_weight" or not is_winograd(tiles.length):
            # Each pair of vectors of outputs reads all inputs' spectra, which others have, too.
            row = row_bytes(case.ins, item, target().vector_bytes)
            work += places * number * 2 * row * pairs * SHARED_S / 2
        return CALL_S + 2 * chunks * PASS_S + work / threads
    # They are read for each chunk, or read and written.
    work += chunks * spectra * _reading(spectra, rates.filter, name == "grad_weight")
    if name != "forward" or learned:
        work += spectra * per_byte(spectra, rates.filter, rates.filter + MEMORY_S / 2)
        if spectra > KEPT_BYTES:
            work += spectra * known().new_memory.large
    elif not hot:
        # Other layers came between: what is kept comes from memory, once.
        work += spectra * max(0, MEMORY_S - _reading(spectra, rates.filter, written=False))
        work += taps * item * COMPARING_S
    if tiles.apart:
        work += 4 * number * tile * per_byte(chunk, 0, SPILLED_S)
        # The last chunks leave threads without any.
        return CALL_S + PASS_S + work / min(threads, chunks)
    passed_on = (threads > 1) * number * tile * SHARED_S
    return CALL_S + 3 * chunks * PASS_S + work / threads + passed_on


def _near(tiles: Cut, case: Correlation, item: int) -> float:
    """Return what a byte of a pair's spectra takes beside one of all filters' by Fourier."""
    if is_winograd(tiles.length):
        return NEAR
    size = near_filters(tiles.length, case.ins, item) * tiles.bins * 4 * target().vector_bytes
    room = cache_bytes() // PAIR_SHARE
    _, share = neighbours((room, 3 * room // 2), size)
    return NEARER + (LEFT - NEARER) * share


def _reading(spectra: float, made: float, written: bool) -> float:
    """Return the thread-seconds per byte of spectra that are read, or read and written.

    `made` is what a byte takes that is made anew.
    """
    near = made / (3 if written else 8)
    return per_byte(spectra, near, max(near, MEMORY_S * (2 if written else 1)))
