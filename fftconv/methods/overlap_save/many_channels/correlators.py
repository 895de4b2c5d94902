"""One correlation of many channels, and the gradient of its filters, ready for any operands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fftconv.machine_code.pages import room
from fftconv.machine_code.scratch import Scratch, aligned
from fftconv.methods.maps import readable
from fftconv.methods.overlap_save.many_channels import fields as at
from fftconv.methods.overlap_save.many_channels import passes

if TYPE_CHECKING:
    from torch import Tensor

    from fftconv.methods.overlap_save.many_channels.cutting import Correlation, Cut
    from fftconv.methods.overlap_save.many_channels.passes import Pass


class Correlator:
    """A correlation with filters whose spectra are given."""

    def __init__(self, case: Correlation, cut: Cut, dtype: torch.dtype) -> None:
        self.case, self.cut = case, cut
        self._item = item = dtype.itemsize
        bits = 8 * item
        channels = max(case.ins, case.outs)
        # The product takes the place of the input's spectra.
        self._tiles = passes.Spectra(cut.bins, cut.most_tiles, channels, item)
        self._filters = passes.FilterSpectra(cut.bins, case.ins, case.outs, item)
        self._transform = passes.filters(case, cut, self._filters, bits)
        self._there = passes.planes(case, cut, self._tiles, bits, "input")
        self._back = passes.planes(case, cut, self._tiles, bits, "output")
        all_spectra = self._tiles, self._filters, self._tiles
        self._multiply = passes.products(case, cut, all_spectra, bits, over_tiles=False)
        self.spectra_bytes = case.groups * self._filters.group
        self.key: object = (case, cut.length, dtype, "turned")

    def laid_out(self, filters: Tensor) -> Tensor:
        """Lay (groups, outs, ins, height, width) out so that output channels are lanes."""
        lanes = passes.filter_lanes(self.case.outs, self._item)
        groups, outs, ins, height, width = filters.shape
        out = filters.new_zeros if lanes > outs else filters.new_empty
        laid = out((groups, ins, height, width, lanes))
        laid[..., :outs] = filters.permute(0, 2, 3, 4, 1)
        return laid.mul_(1 / self.cut.length**2)

    def spectra(self, filters: Tensor) -> Tensor:
        """Return the spectra of (groups, outs, ins, height, width), to be kept."""
        spectra = room(self.spectra_bytes + 64)
        self.transform(filters, aligned(spectra))
        return spectra

    def transform(self, filters: Tensor, place: int) -> None:
        """Write the spectra of (groups, outs, ins, height, width) to a place in memory."""
        laid = self.laid_out(filters)
        pieces = self.case.groups * self.case.ins * passes.pairs(self.case.outs, self._item)
        slot = self._transform.slot
        with Scratch(torch.get_num_threads() * slot) as (scratch,):
            places = {at.PLACE: laid.data_ptr(), at.SPECTRA: place}
            self._transform.run(places, scratch, slot, pieces)

    def run(self, x: Tensor, spectra: int, bias: Tensor | None, y: Tensor) -> None:
        """Correlate by the spectra at a place, and write to `y`, whose rows are dense."""
        case, cut, item = self.case, self.cut, self._item
        x = readable(x)
        lanes = passes.filter_lanes(case.outs, item)
        biases = x.new_zeros((case.groups, lanes))
        if bias is not None:
            biases[:, : case.outs] = bias.reshape(case.groups, case.outs)
        slot = max(self._there.slot, self._back.slot, self._multiply.slot)
        ins, outs = (
            case.groups * passes.pairs(channels, item) for channels in (case.ins, case.outs)
        )
        source, target = passes.plane_steps(x, case.ins), passes.plane_steps(y, case.outs)
        target |= {at.BIAS: biases.data_ptr(), at.BIAS_GROUP: lanes * item}
        with Scratch(torch.get_num_threads() * slot, case.groups * self._tiles.group) as (
            place,
            between,
        ):
            for first, last in cut.chunks():
                begin = cut.first_tile(first)
                here = {
                    at.FIRST_UNIT: first, at.UNITS: last - first, at.FIRST_TILE: begin,
                    at.SPECTRA: between,
                }  # fmt: skip
                self._there.run(source | here, place, slot, (last - first) * ins)
                tiles = cut.first_tile(last) - begin
                factors = {
                    at.LEFT_PLACE: between, at.RIGHT_PLACE: spectra, at.OUT_PLACE: between,
                    at.P_TILES: tiles, at.ROWS: tiles, at.SUMS: case.ins,
                }  # fmt: skip
                self._multiply.run(factors, place, slot, case.groups * cut.bins)
                self._back.run(target | here, place, slot, (last - first) * outs)


class FilterGradient:
    """The gradient of a correlation's filters."""

    def __init__(self, case: Correlation, cut: Cut, dtype: torch.dtype) -> None:
        self.case, self.cut = case, cut
        self._item = item = dtype.itemsize
        bits = 8 * item
        self._inputs = passes.Spectra(cut.bins, cut.most_tiles, case.ins, item)
        self._outputs = passes.Spectra(cut.bins, cut.most_tiles, case.outs, item)
        self._filters = passes.Spectra(cut.bins, case.ins, case.outs, item)
        self._of_inputs = passes.planes(case, cut, self._inputs, bits, "input")
        self._of_outputs = passes.planes(case, cut, self._outputs, bits, "gradient")
        all_spectra = self._inputs, self._outputs, self._filters
        self._multiply = passes.products(case, cut, all_spectra, bits, over_tiles=True)
        self._back = passes.filters(case, cut, self._filters, bits, back=True)

    def run(self, x: Tensor, g: Tensor) -> Tensor:
        """Return the gradient as (groups, outs, ins, height, width)."""
        case, cut, item = self.case, self.cut, self._item
        x, g = readable(x), readable(g)
        lanes = passes.filter_lanes(case.outs, item)
        laid = x.new_empty((case.groups, case.ins, *case.kernel, lanes))
        biases = x.new_zeros(lanes)
        used: tuple[Pass, ...] = (self._of_inputs, self._of_outputs, self._multiply, self._back)
        slot = max(one.slot for one in used)
        ins, outs = (
            case.groups * passes.pairs(channels, item) for channels in (case.ins, case.outs)
        )
        sizes = (case.groups * s.group for s in (self._inputs, self._outputs, self._filters))
        with Scratch(torch.get_num_threads() * slot, *sizes) as (place, signals, gradients, sums):
            sources = (
                (self._of_inputs, passes.plane_steps(x, case.ins), signals, ins),
                (self._of_outputs, passes.plane_steps(g, case.outs), gradients, outs),
            )
            for first, last in cut.chunks():
                begin = cut.first_tile(first)
                for one, source, spectra, pairs in sources:
                    here = {
                        at.FIRST_UNIT: first, at.UNITS: last - first, at.FIRST_TILE: begin,
                        at.SPECTRA: spectra,
                    }  # fmt: skip
                    one.run(source | here, place, slot, (last - first) * pairs)
                tiles = cut.first_tile(last) - begin
                factors = {
                    at.LEFT_PLACE: signals, at.RIGHT_PLACE: gradients, at.OUT_PLACE: sums,
                    at.P_TILES: tiles, at.ROWS: case.ins, at.SUMS: tiles,
                    at.P_ADDS: int(first > 0),
                }  # fmt: skip
                self._multiply.run(factors, place, slot, case.groups * cut.bins)
            places = {at.PLACE: laid.data_ptr(), at.SPECTRA: sums, at.BIAS: biases.data_ptr()}
            self._back.run(places, place, slot, case.ins * outs)
        laid = laid[..., : case.outs].mul_(1 / cut.length**2)
        return laid.permute(0, 4, 1, 2, 3)
