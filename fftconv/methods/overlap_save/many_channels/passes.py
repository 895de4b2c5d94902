"""Running the compiled passes: their fields, their memory, their threads."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import torch

from fftconv.geometry import area
from fftconv.machine_code.vectors import VECTOR_BYTES
from fftconv.methods.overlap_save.many_channels import fields as at
from fftconv.methods.overlap_save.many_channels.analysis import analysis
from fftconv.methods.overlap_save.many_channels.blocks import TALLER
from fftconv.methods.overlap_save.many_channels.cutting import (
    compiled_rows,
    odd_lines,
    pairs_of,
    row_bytes,
)
from fftconv.methods.overlap_save.many_channels.lengths import is_winograd
from fftconv.methods.overlap_save.many_channels.phases import (
    of_analysis,
    of_product,
    of_synthesis,
    run_counted,
)
from fftconv.methods.overlap_save.many_channels.product import product
from fftconv.methods.overlap_save.many_channels.synthesis import synthesis

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from fftconv.methods.overlap_save.many_channels.correlation import Correlation
    from fftconv.methods.overlap_save.many_channels.cutting import Cut
    from fftconv.methods.overlap_save.many_channels.phases import Counter

#: Filters of a ticket, at most, and tickets for them, at least while filters are enough.
MOST_TOGETHER = 16

_TRANSFORM = ctypes.c_int64 * at.TRANSFORM_COUNT
_PRODUCT = ctypes.c_int64 * at.PRODUCT_COUNT


class Pass:
    """One compiled function with the fields that do not change from call to call."""

    def __init__(
        self, kind: Any, function: Any, fields: Mapping[int, int], slot: int, counter: Counter
    ) -> None:
        self.slot = slot
        self._kind, self._function = kind, function
        template = kind()
        template[at.COUNTER] = counter.address
        for place, value in fields.items():
            template[place] = value
        self.template = bytes(template)
        """Its job, as bytes."""

    @property
    def address(self) -> int:
        """Where the function is."""
        address: int = self._function.address
        return address

    def filled(self, changing: Mapping[int, int]) -> Any:
        """Return its job, with the fields that are to be filled in."""
        fields = self._kind.from_buffer_copy(self.template)
        for place, value in changing.items():
            fields[place] = value
        return fields

    def run(self, changing: Mapping[int, int], pieces: int) -> None:
        """Run it on so many pieces, in torch's threads.

        The memory of threads is among the fields: its place, and the slot that each thread has.
        """
        fields = self.filled(changing)
        run_counted(self.address, ctypes.addressof(fields), min(torch.get_num_threads(), pieces))


class Spectra:
    """How the spectra of tiles, or of filters, lie in memory."""

    def __init__(
        self, bins: int, tiles: int, channels: int, item: int, spread: bool = False
    ) -> None:
        """Take how many there are; bins lie apart by odd numbers of lines, and `spread` tiles."""
        row = row_bytes(channels, item, VECTOR_BYTES)
        self.tile = odd_lines(row) if spread else row
        self.part = tiles * self.tile
        self.bin = odd_lines(2 * self.part)
        self.pair = 2 * VECTOR_BYTES
        self.group = bins * self.bin

    def fields(self) -> dict[int, int]:
        """Return them as a transform's job has them."""
        return {
            at.SPECTRA_GROUP: self.group, at.BIN: self.bin, at.PART: self.part,
            at.TILE: self.tile, at.PAIR: self.pair,
        }  # fmt: skip


class FilterSpectra(Spectra):
    """The same of filters, which are read pair by pair of output channels."""

    def __init__(self, bins: int, ins: int, outs: int, item: int) -> None:
        """Take the channels of a group."""
        self.tile, self.part = 4 * VECTOR_BYTES, 2 * VECTOR_BYTES
        self.pair = ins * self.tile
        self.bin = odd_lines(-(-outs * item // self.part) * self.pair)
        self.group = bins * self.bin


def planes(case: Correlation, cut: Cut, spectra: Spectra, bits: int, which: str) -> Pass:
    """Return the pass over planes: of the "input", of the "output" back, of its "gradient".

    The tiles of a gradient are those of the output, and count as zero beyond it.
    """
    n = cut.length
    is_input = which == "input"
    tile = (n, n) if is_input else cut.step
    size, channels = (case.size, case.ins) if is_input else (case.out, case.outs)
    corner = case.corner if is_input else (0, 0)
    rows, columns = (compiled_rows(count, n) for count in tile)
    places, slot = _slot(n, (cut.run - 1) * cut.step[1] + n, n)
    fields = {
        at.PLANAR: 1, at.TOGETHER: 1, at.TAP: VECTOR_BYTES, at.HEIGHT: size[0],
        at.WIDTH: size[1], at.TOP: corner[0], at.LEFT: corner[1], at.STEP_H: cut.step[0],
        at.STEP_W: cut.step[1], at.GRID_H: cut.grid[0], at.GRID_W: cut.grid[1],
        at.RUN: cut.run, at.RUNS: cut.runs, at.TILE_H: tile[0], at.TILE_W: tile[1],
        at.GROUPS: case.groups, at.CHANNELS: channels, at.PAIRS: pairs_of(channels, bits // 8),
        at.BIAS_GROUP: filter_lanes(channels, bits // 8) * bits // 8,
        **_steps((case.groups * channels * area(size), area(size), size[1]), channels, bits // 8),
        **spectra.fields(), **places,
    }  # fmt: skip
    return _transform(which == "output", (bits, n, rows, columns), fields, slot)


def filters(
    case: Correlation, cut: Cut, spectra: Spectra, bits: int, turned: bool = False,
    back: bool = False,
) -> Pass:  # fmt: skip
    """Return the pass over a dense weight (groups, outs, ins, height, width), there or back.

    `turned` says that its outs are the case's ins, and its filters turned by half.
    """
    item, n, (height, width) = bits // 8, cut.length, case.kernel
    rows, columns = compiled_rows(height, n), compiled_rows(width, n)
    taps = height * width
    places, slot = _slot(n, max(width, columns), n)
    # From one in to the next, and from one out: the latter are lanes.
    unit, lane = (case.outs * taps, taps) if turned else (taps, case.ins * taps)
    sign = -1 if turned else 1
    fields = places | {
        at.PLANAR: 0, at.HEIGHT: height, at.WIDTH: width, at.STEP_H: height, at.STEP_W: width,
        at.GRID_H: 1, at.GRID_W: 1, at.RUN: 1, at.RUNS: 1, at.TILE_H: height, at.TILE_W: width,
        at.GROUPS: case.groups, at.CHANNELS: case.outs, at.PAIRS: pairs_of(case.outs, item),
        at.UNITS: case.ins,
        at.IMAGE_STEP: unit * item, at.CHANNEL_STEP: lane * item,
        at.GROUP_STEP: case.ins * case.outs * taps * item,
        at.TAP: sign * VECTOR_BYTES, at.COLUMNS_ROW: sign * width * VECTOR_BYTES,
        at.FIRST_TAP: (taps - 1) * VECTOR_BYTES if turned else 0,
        at.TOGETHER: filters_together(case, item), **spectra.fields(),
    }  # fmt: skip
    return _transform(back, (bits, n, rows, columns), fields, slot)


def _transform(
    back: bool, what: tuple[int, int, int, int], fields: Mapping[int, int], slot: int
) -> Pass:
    """Return a pass over tiles of (bits, length, rows, columns), there or back."""
    compiled, counted = (synthesis, of_synthesis) if back else (analysis, of_analysis)
    return Pass(_TRANSFORM, compiled(*what), fields, slot, counted(*what))


def filter_pieces(case: Correlation, item: int) -> int:
    """Return how many pieces the pass over a weight has."""
    return case.groups * case.ins * pairs_of(case.outs, item)


def filters_together(case: Correlation, item: int) -> int:
    """Return how many of them a ticket is for: neighbours share cache lines of the weight."""
    return max(1, min(MOST_TOGETHER, filter_pieces(case, item) // MOST_TOGETHER))


def filter_tickets(case: Correlation, item: int) -> int:
    """Return how many tickets there are for all of them."""
    return -(-filter_pieces(case, item) // filters_together(case, item))


def filter_lanes(outs: int, item: int) -> int:
    """Return the numbers that the layout of filters has for the output channels of a group."""
    lanes = VECTOR_BYTES // item
    return -(-outs // lanes) * lanes


def _slot(length: int, width: int, height: int) -> tuple[dict[int, int], int]:
    """Return where a thread has its columns, and the bytes that it has of them all."""
    vector = VECTOR_BYTES
    line = (width | 1) * vector
    half = (width + 4) * (length + 1) * vector
    columns = length * vector
    # A narrow row is read with as many columns as a vector has numbers, and a float is four bytes.
    behind = columns + (height + 1) * line + vector // 4 * vector
    fields = {
        at.COLUMNS: columns, at.COLUMNS_ROW: line, at.SPECTRA_OF_COLUMNS: behind,
        at.SPECTRA_HALF: half,
    }  # fmt: skip
    return fields, odd_lines(behind + 2 * half)


def products(
    case: Correlation, cut: Cut, spectra: tuple[Spectra, Spectra, Spectra], bits: int,
    over_tiles: bool = False, packs: bool = True,
) -> Pass:  # fmt: skip
    """Return the pass that multiplies: (left factor, right one, product).

    The product is summed over channels, or over tiles. It may take the place of the left factor
    where that is packed; Winograd's, if its tiles are spread, need not be.
    """
    item = bits // 8
    left, right, out = spectra
    packed = odd_lines(row_bytes(case.ins, item, VECTOR_BYTES)) if packs else 0
    tile = packed if packs else left.tile
    steps = (item, tile) if over_tiles else (tile, item)
    copies = 2 if is_winograd(cut.length) else 3
    spare = odd_lines(copies * cut.most_tiles * packed)
    fields = {
        at.P_GROUPS: case.groups, at.P_BINS: cut.bins, at.LEFT_GROUP: left.group,
        at.LEFT_BIN: left.bin, at.LEFT_PART: left.part, at.LEFT_TILE: left.tile,
        at.P_CHANNELS: case.ins, at.PACKED_TILE: packed, at.P_SPARE: spare,
        at.LEFT_ROW: steps[0], at.LEFT_TERM: steps[1], at.RIGHT_GROUP: right.group,
        at.RIGHT_BIN: right.bin, at.RIGHT_PART: right.part, at.RIGHT_TERM: right.tile,
        at.RIGHT_PAIR: right.pair, at.OUT_GROUP: out.group, at.OUT_BIN: out.bin,
        at.OUT_PART: out.part, at.OUT_ROW: out.tile, at.OUT_PAIR: out.pair,
        at.VECTORS: filter_lanes(case.outs, item) * item // VECTOR_BYTES,
        at.ROWS if over_tiles else at.SUMS: case.ins,
    }  # fmt: skip
    slot = spare + odd_lines(4 * VECTOR_BYTES * TALLER[0])
    what = bits, is_winograd(cut.length)
    return Pass(_PRODUCT, product(*what), fields, slot, of_product(*what))


def plane_steps(tensor: Tensor, channels: int) -> dict[int, int]:
    """Return where the planes of a tensor lie whose rows are dense; `planes` has it of a dense one.

    Between the convolutions of a network each line of Python takes ten times as long as otherwise.
    """
    places = {at.PLACE: tensor.data_ptr()}
    if not tensor.is_contiguous():
        image, channel, row, _ = tensor.stride()
        places |= _steps((image, channel, row), channels, tensor.element_size())
    return places


def _steps(strides: tuple[int, int, int], channels: int, item: int) -> dict[int, int]:
    """Return the strides of images, channels and rows, and of groups of channels, in bytes."""
    image, channel, row = (stride * item for stride in strides)
    return {
        at.IMAGE_STEP: image, at.CHANNEL_STEP: channel, at.ROW_STEP: row,
        at.GROUP_STEP: channels * channel,
    }  # fmt: skip
