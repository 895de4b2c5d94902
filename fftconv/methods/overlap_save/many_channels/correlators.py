"""One correlation of many channels, ready for any operands."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import torch

from fftconv.machine_code.pages import room
from fftconv.machine_code.scratch import Scratch, aligned
from fftconv.machine_code.vectors import VECTOR_BYTES
from fftconv.methods.maps import readable
from fftconv.methods.overlap_save.many_channels import fields as at
from fftconv.methods.overlap_save.many_channels import passes
from fftconv.methods.overlap_save.many_channels.biases import Biases
from fftconv.methods.overlap_save.many_channels.chunks import Chunks
from fftconv.methods.overlap_save.many_channels.cutting import pairs_of
from fftconv.methods.overlap_save.many_channels.lengths import is_winograd

if TYPE_CHECKING:
    from torch import Tensor

    from fftconv.methods.overlap_save.many_channels.correlation import Correlation
    from fftconv.methods.overlap_save.many_channels.cutting import Cut


class Correlator:
    """A correlation with filters whose spectra are given.

    `turned` says that the weight is one of the map whose gradient this is.
    """

    def __init__(
        self, case: Correlation, cut: Cut, dtype: torch.dtype, turned: bool = False
    ) -> None:
        self.case, self.cut = case, cut
        self._item = item = dtype.itemsize
        bits = 8 * item
        channels = max(case.ins, case.outs)
        # The product takes the place of the input's spectra.
        self._tiles = passes.Spectra(cut.bins, cut.most_tiles, channels, item)
        self._filters = passes.FilterSpectra(cut.bins, case.ins, case.outs, item)
        self._transform = passes.filters(case, cut, self._filters, bits, turned)
        self._filter_tickets = passes.filter_tickets(case, item)
        self._there = passes.planes(case, cut, self._tiles, bits, "input")
        self._back = passes.planes(case, cut, self._tiles, bits, "output")
        all_spectra = self._tiles, self._filters, self._tiles
        # Of one pair of outputs all rows of a block are read before its product is written.
        packs = not is_winograd(cut.length) or channels * item > 2 * VECTOR_BYTES
        self._multiply = passes.products(case, cut, all_spectra, bits, packs=packs)
        self._slot = max(one.slot for one in (self._there, self._back, self._multiply))
        self._pairs = _pairs(case, item)
        self._biases = Biases(case, dtype)
        self.spectra_bytes = case.groups * self._filters.group
        self.key = str((case.groups, case.ins, case.outs, case.kernel, cut.length, dtype))

    def spectra(self, w: Tensor) -> Tensor:
        """Return the spectra of a weight, to be kept."""
        spectra = room(self.spectra_bytes + 64)
        self.transform(w, aligned(spectra))
        return spectra

    def transform(self, w: Tensor, place: int) -> None:
        """Write the spectra of a weight to a place in memory."""
        w, slot = w.resolve_neg().contiguous(), self._transform.slot
        with Scratch(torch.get_num_threads() * slot) as (scratch,):
            places = {at.PLACE: w.data_ptr(), at.SPECTRA: place}
            places |= {at.SCRATCH: scratch, at.SLOT: slot}
            self._transform.run(places, self._filter_tickets)

    def anew(self, x: Tensor, w: Tensor, bias: Tensor | None, y: Tensor) -> None:
        """Correlate by a weight whose spectra are made for this call alone."""
        with Scratch(self.spectra_bytes) as (place,):
            self.transform(w, place)
            self.run(x, place, bias, y)

    def run(self, x: Tensor, spectra: int, bias: Tensor | None, y: Tensor) -> None:
        """Correlate by the spectra at a place, and write to `y`, whose rows are dense."""
        x = readable(x)
        source, target = passes.plane_steps(x, self.case.ins), {at.PLACE: y.data_ptr()}
        _kept, target[at.BIAS] = self._biases.of(bias)  # until all is done
        factors = {at.RIGHT_PLACE: spectra}
        if self.cut.apart:
            self._chunks.run((source, factors, target))
        else:
            self._together(source, factors, target)

    @cached_property
    def _chunks(self) -> Chunks:
        passes = self._there, self._multiply, self._back
        return Chunks(self.cut, passes, self._slot, self.case.groups * self._tiles.group)

    def _together(
        self, source: dict[int, int], factors: dict[int, int], target: dict[int, int]
    ) -> None:
        """Run pass by pass, each in all threads."""
        case = self.case
        sizes = torch.get_num_threads() * self._slot, case.groups * self._tiles.group
        with Scratch(*sizes) as (scratch, between):
            # Filled in once for all chunks: between passes, which empty the caches of what Python
            # reads, each line takes several times as long.
            memory = {at.SCRATCH: scratch, at.SLOT: self._slot}
            source |= memory | {at.SPECTRA: between}
            target |= memory | {at.SPECTRA: between}
            factors |= memory | {at.LEFT_PLACE: between, at.OUT_PLACE: between}
            ins, outs = self._pairs
            for first, units, tile, tiles in self.cut.chunks():
                chunk = {at.FIRST_UNIT: first, at.UNITS: units, at.FIRST_TILE: tile}
                source |= chunk
                target |= chunk
                factors[at.P_TILES] = factors[at.ROWS] = tiles
                self._there.run(source, units * ins)
                self._multiply.run(factors, case.groups * self.cut.bins)
                self._back.run(target, units * outs)


def _pairs(case: Correlation, item: int) -> tuple[int, int]:
    """Return how many pairs of vectors the channels in and out make, in all groups."""
    return case.groups * pairs_of(case.ins, item), case.groups * pairs_of(case.outs, item)
