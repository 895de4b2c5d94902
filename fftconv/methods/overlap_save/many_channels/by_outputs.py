"""A correlation that makes the spectra of its filters as it goes, pair by pair of outputs.

Memory is read for the weight itself alone, and less often than to find out whether spectra that
were kept are still right. That pays where making them is little work, as by Winograd's transforms,
and where spectra serve one call, as Fourier's of a weight that is being learned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fftconv.machine_code.memory import cache_bytes
from fftconv.machine_code.scratch import Scratch
from fftconv.machine_code.vectors import VECTOR_BYTES
from fftconv.methods.maps import readable
from fftconv.methods.overlap_save.many_channels import fields as at
from fftconv.methods.overlap_save.many_channels import passes
from fftconv.methods.overlap_save.many_channels.biases import Biases
from fftconv.methods.overlap_save.many_channels.cutting import PAIR_SHARE, near_filters, pairs_of
from fftconv.methods.overlap_save.many_channels.lengths import is_winograd
from fftconv.methods.overlap_save.many_channels.pairs import Filters, Pairs, Parts
from fftconv.methods.overlap_save.many_channels.sums import MORE_TERMS

if TYPE_CHECKING:
    from torch import Tensor

    from fftconv.methods.overlap_save.many_channels.correlation import Correlation
    from fftconv.methods.overlap_save.many_channels.cutting import Cut
    from fftconv.methods.overlap_save.many_channels.pairs import Part

#: Tiles of a part at most: their outputs' spectra, of a pair, are to be in a core's cache.
PART_TILES = 96


class ByOutputs:
    """The correlation; `turned` says that the weight is one of the map whose gradient this is.

    A chunk's tiles of the input are transformed first, by all threads. What follows is shared out
    pair by pair; of few pairs each is shared, too, by parts of the tiles.
    """

    def __init__(self, case: Correlation, cut: Cut, dtype: torch.dtype, turned: bool) -> None:
        self.case, self.cut = case, cut
        self._item = item = dtype.itemsize
        bits, pair = 8 * item, 2 * VECTOR_BYTES // item
        pairs = pairs_of(case.outs, item)
        self._ins = case.groups * pairs_of(case.ins, item)
        # Tickets of a pair: each makes the spectra of its filters anew.
        self._sharing = -(-2 * torch.get_num_threads() // (pairs * case.groups))
        parts = [self._parts_of(chunk) for chunk in cut.chunks()]
        # Parts of a ticket, in each chunk.
        each = [-(-len(some) // self._sharing) for some in parts]
        self._parts = [Parts(some, count) for some, count in zip(parts, each, strict=True)]
        most = max(part[3] for some in parts for part in some)
        self._tiles = passes.Spectra(cut.bins, cut.most_tiles, case.ins, item, spread=True)
        outputs = passes.Spectra(cut.bins, most, pair, item)
        ins = self._ins_at_a_time(max(each) * outputs.group)
        filters = passes.FilterSpectra(cut.bins, ins, pair, item)
        self._there = passes.planes(case, cut, self._tiles, bits, "input")
        spectra = self._tiles, filters, outputs
        multiply = passes.products(case, cut, spectra, bits, packs=not is_winograd(cut.length))
        self._pairs = Pairs(
            pairs, case.groups,
            (multiply, outputs), passes.planes(case, cut, outputs, bits, "output"),
            Filters(
                passes.filters(case, cut, filters, bits, turned), filters, case.ins, ins,
                max(each) if ins < case.ins else 1,
            ),
        )  # fmt: skip
        self._biases = Biases(case, dtype)

    def _ins_at_a_time(self, outputs: int) -> int:
        """Return of how many input channels a pair's filters are transformed at a time.

        `outputs` are the bytes of the outputs' spectra of a ticket.
        """
        if not is_winograd(self.cut.length):
            return near_filters(self.cut.length, self.case.ins, self._item)
        room = cache_bytes() // PAIR_SHARE
        channel = self.cut.bins * 4 * VECTOR_BYTES
        if channel * self.case.ins <= room or outputs > room:
            return self.case.ins
        # Whole runs, as their sums are made of in one go, too.
        return min(self.case.ins, max(1, room // channel // MORE_TERMS) * MORE_TERMS)

    def _parts_of(self, chunk: Part) -> list[Part]:
        """Part a chunk so that a part has few tiles, and threads may share a pair."""
        first, units, _, tiles = chunk
        parts = min(units, max(-(-tiles // PART_TILES), self._sharing))
        return self.cut.parts(first, units, parts)

    def anew(self, x: Tensor, w: Tensor, bias: Tensor | None, y: Tensor) -> None:
        """Correlate by a weight, and write to `y`, whose rows are dense."""
        x, w = readable(x), w.resolve_neg().contiguous()
        case, threads, slot = self.case, torch.get_num_threads(), self._there.slot
        source = passes.plane_steps(x, case.ins)
        _kept, biases = self._biases.of(bias)  # until all is done
        sizes = threads * slot, case.groups * self._tiles.group, threads * self._pairs.bytes
        with Scratch(*sizes) as (scratch, tiles, memory):
            source |= {at.SCRATCH: scratch, at.SLOT: slot, at.SPECTRA: tiles}
            changing = (
                {at.LEFT_PLACE: tiles}, {at.PLACE: y.data_ptr(), at.BIAS: biases},
                {at.PLACE: w.data_ptr()},
            )  # fmt: skip
            for (first, units, tile, _), parts in zip(self.cut.chunks(), self._parts, strict=True):
                source |= {at.FIRST_UNIT: first, at.UNITS: units, at.FIRST_TILE: tile}
                self._there.run(source, units * self._ins)
                self._pairs.run(memory, changing, parts)
