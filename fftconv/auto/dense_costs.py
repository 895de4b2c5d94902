"""Predicted seconds of correlations of many channels, and the length of tile that takes fewest."""

from __future__ import annotations

from importlib.util import find_spec
from math import log2
from typing import TYPE_CHECKING

import torch

from fftconv.calibration.machine import Dense
from fftconv.machine_code.target import target
from fftconv.spectral.cutting import Correlation, cut, row_bytes
from fftconv.spectral.transforms import LENGTHS

if TYPE_CHECKING:
    from fftconv.calibration.machine import Machine
    from fftconv.geometry import Geometry
    from fftconv.methods.maps import Map
    from fftconv.spectral.cutting import Cut

#: Channels of a group, in and out, below which vectors of channels are half empty.
FEWEST = 6
#: Seconds per call and per pass that threads share.
CALL_S, PASS_S = 6e-5, 6e-6
#: What the product costs beside its multiplications, in output channels.
PACKING = 6
#: Steps of a transform's logarithm that reading and writing a tile are worth.
MOVING = 2
#: By what torch says of the processor; others count as the slowest.
SHIPPED = {
    "AVX2": Dense(product=1.05e-10, transform=2.4e-10, filter=2.5e-10, native=2.6e-11),
    "AVX512": Dense(product=4.5e-11, transform=1.3e-10, filter=1.5e-10, native=1.25e-11),
}


def rates(machine: Machine, item_bytes: int) -> Dense:
    """Return a machine's constants, or those of its kind."""
    measured = machine.precision(item_bytes).dense
    if measured is not None:
        return measured
    kind = SHIPPED.get(torch.backends.cpu.get_cpu_capability(), SHIPPED["AVX2"])
    wider = item_bytes / 4
    return Dense(kind.product * wider, kind.transform * wider, kind.filter, kind.native * wider)


def serves(geometry: Geometry) -> bool:
    """Whether a case with stride and dilation 1 may be computed so on a CPU."""
    few = min(geometry.channels_per_group)
    return few >= FEWEST and max(geometry.kernel_size) > 1 and find_spec("numba") is not None


def lengths(
    names: tuple[Map, ...], geometry: Geometry, item_bytes: int, machine: Machine, threads: int,
    learned: bool,
) -> dict[Map, tuple[float, int]]:  # fmt: skip
    """Return for each map the predicted seconds and the tile's length; nothing if none fits.

    `learned` says that the weight changes from call to call.
    """
    constants = rates(machine, item_bytes)
    best: dict[Map, tuple[float, int]] = {}
    for name in names:
        case = Correlation.forward(geometry)
        if name == "grad_input":
            case = case.turned()
        costs = []
        for length in LENGTHS:
            tiles = cut(case, length, item_bytes, name == "grad_weight")
            if tiles is not None and _fits(case, tiles, name, geometry, item_bytes):
                seconds = _seconds(case, tiles, name, item_bytes, constants, threads, learned)
                costs.append((seconds, length))
        if not costs:
            return {}
        best[name] = min(costs)
    return best


def native_floor(geometry: Geometry, machine: Machine, item_bytes: int, threads: int) -> float:
    """Return the seconds that torch's convolution takes at least on a processor of this kind."""
    return geometry.macs * rates(machine, item_bytes).native / threads


def filter_bytes(geometry: Geometry, length: int, item_bytes: int) -> int:
    """Return the bytes of the spectra of a weight."""
    ins, outs = geometry.channels_per_group
    bins = length**2 // 2 + 2
    return geometry.groups * bins * ins * 2 * row_bytes(outs, item_bytes, target().vector_bytes)


def _fits(case: Correlation, tiles: Cut, name: Map, geometry: Geometry, item: int) -> bool:
    """Whether what is between two passes takes no more than three times input and output."""
    channels = (case.ins, case.outs) if name == "grad_weight" else (max(case.ins, case.outs),)
    tile = sum(2 * row_bytes(count, item, target().vector_bytes) for count in channels)
    between = case.groups * tiles.bins * tiles.most_tiles * tile
    given = sum(
        item * shape[0] * shape[1] * shape[2] * shape[3]
        for shape in (geometry.input_shape, geometry.output_shape)
    )
    # Below so little there is nothing to save.
    return between <= max(3 * given, 1 << 21)


def _seconds(
    case: Correlation, tiles: Cut, name: Map, item: int, constants: Dense, threads: int,
    learned: bool,
) -> float:  # fmt: skip
    number = tiles.first_tile(tiles.all_units)
    chunks = len(tiles.chunks())
    lanes = target().vector_bytes // item
    ins, outs = (-(-count // lanes) * lanes for count in (case.ins, case.outs))
    points = tiles.length**2 * (log2(tiles.length) + MOVING)
    places = case.groups * tiles.bins
    spectra = places * case.ins * outs * 2 * item
    work = places * number * case.ins * (outs + PACKING) * constants.product
    work += case.groups * number * (ins + outs) * points * constants.transform
    # Spectra of the weight are read for each chunk, or read and written.
    work += chunks * spectra * constants.filter / (3 if name == "grad_weight" else 8)
    if name != "forward" or learned:
        work += spectra * constants.filter
    return CALL_S + 3 * chunks * PASS_S + work / threads
