"""The gradient of a correlation's filters, ready for any operands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fftconv.machine_code.scratch import Scratch
from fftconv.machine_code.vectors import VECTOR_BYTES
from fftconv.methods.maps import readable
from fftconv.methods.overlap_save.many_channels import fields as at
from fftconv.methods.overlap_save.many_channels import passes
from fftconv.methods.overlap_save.many_channels.cutting import pairs_of, summed_filters
from fftconv.methods.overlap_save.many_channels.lengths import is_winograd
from fftconv.methods.overlap_save.many_channels.pairs import Pairs, Parts

if TYPE_CHECKING:
    from torch import Tensor

    from fftconv.methods.overlap_save.many_channels.correlation import Correlation
    from fftconv.methods.overlap_save.many_channels.cutting import Cut


class Factors:
    """The spectra of inputs and of outputs' gradients, and the passes that make them."""

    def __init__(self, case: Correlation, cut: Cut, item: int) -> None:
        bits, tiles = 8 * item, cut.most_tiles
        self._case = case
        self.inputs = passes.Spectra(cut.bins, tiles, case.ins, item, spread=cut.by_pairs)
        # A pair's vectors, tile by tile, are what each block of the product reads again.
        self.outputs = passes.Spectra(cut.bins, tiles, case.outs, item, spread=True)
        self.sizes = case.groups * self.inputs.group, case.groups * self.outputs.group
        """Bytes of them, in all groups."""
        self.of_inputs = passes.planes(case, cut, self.inputs, bits, "input")
        self.of_outputs = passes.planes(case, cut, self.outputs, bits, "gradient")
        self.slot = max(one.slot for one in (self.of_inputs, self.of_outputs))
        """Bytes of scratch that a thread needs."""

    def steps(self, x: Tensor, g: Tensor) -> tuple[dict[int, int], dict[int, int]]:
        """Return the fields of operands whose rows are dense."""
        case = self._case
        return passes.plane_steps(x, case.ins), passes.plane_steps(g, case.outs)

    def results(self, x: Tensor) -> tuple[Tensor, Tensor, dict[int, int]]:
        """Return a new gradient, zeros that the way back adds to it, and its fields."""
        case = self._case
        gradient = x.new_empty((case.groups, case.outs, case.ins, *case.kernel))
        biases = x.new_zeros(passes.filter_lanes(case.outs, x.element_size()))
        return gradient, biases, {at.PLACE: gradient.data_ptr(), at.BIAS: biases.data_ptr()}


class FilterGradient:
    """The gradient of a correlation's filters, summed over tiles."""

    def __init__(self, case: Correlation, cut: Cut, dtype: torch.dtype) -> None:
        self.case, self.cut = case, cut
        item = dtype.itemsize
        self._factors = factors = Factors(case, cut, item)
        self._ins = case.groups * pairs_of(case.ins, item)
        self._outs = case.groups * pairs_of(case.outs, item)
        sums = SumsByPairs if cut.by_pairs else Sums
        self._sums = sums(case, cut, (factors.inputs, factors.outputs), 8 * item)

    def run(self, x: Tensor, g: Tensor) -> Tensor:
        """Return the gradient as (groups, outs, ins, height, width)."""
        x, g = readable(x), readable(g)
        made, slot = self._factors, self._factors.slot
        gradient, _biases, results = made.results(x)  # until all is done
        inputs, outputs = made.steps(x, g)
        threads = torch.get_num_threads()
        with Scratch(threads * slot, *made.sizes, *self._sums.sizes()) as places:
            scratch, signals, gradients, *memory = places
            own = {at.SCRATCH: scratch, at.SLOT: slot}
            inputs |= own | {at.SPECTRA: signals}
            outputs |= own | {at.SPECTRA: gradients}
            factors = {at.LEFT_PLACE: signals, at.RIGHT_PLACE: gradients}
            for first, units, tile, tiles in self.cut.chunks():
                chunk = {at.FIRST_UNIT: first, at.UNITS: units, at.FIRST_TILE: tile}
                inputs |= chunk
                outputs |= chunk
                made.of_inputs.run(inputs, units * self._ins)
                made.of_outputs.run(outputs, units * self._outs)
                factors |= {at.P_TILES: tiles, at.SUMS: tiles, at.P_ADDS: int(first > 0)}
                self._sums.add(memory, factors, results)
            self._sums.finish(memory, results)
        return gradient


class Sums:
    """Sums of products of all filters, which are transformed back when all tiles are done."""

    def __init__(
        self, case: Correlation, cut: Cut, factors: tuple[passes.Spectra, passes.Spectra],
        bits: int,
    ) -> None:  # fmt: skip
        item = bits // 8
        filters = passes.Spectra(cut.bins, case.ins, case.outs, item)
        self._multiply = passes.products(case, cut, (*factors, filters), bits, over_tiles=True)
        self._back = passes.filters(case, cut, filters, bits, back=True)
        self._slot = max(self._multiply.slot, self._back.slot)
        self._bytes, self._bins = case.groups * filters.group, case.groups * cut.bins
        self._tickets = passes.filter_tickets(case, item)

    def sizes(self) -> tuple[int, int]:
        """Return the bytes that are needed: of threads, and of the sums."""
        return torch.get_num_threads() * self._slot, self._bytes

    def add(self, memory: list[int], factors: dict[int, int], _results: dict[int, int]) -> None:
        """Add the products of a chunk's tiles."""
        scratch, sums = memory
        own = {at.SCRATCH: scratch, at.SLOT: self._slot, at.OUT_PLACE: sums}
        self._multiply.run(factors | own, self._bins)

    def finish(self, memory: list[int], results: dict[int, int]) -> None:
        """Transform the sums back."""
        scratch, sums = memory
        own = {at.SCRATCH: scratch, at.SLOT: self._slot, at.SPECTRA: sums}
        self._back.run(results | own, self._tickets)


class SumsByPairs:
    """The same where one chunk has all tiles: sums of some filters at a time, and at once back."""

    def __init__(
        self, case: Correlation, cut: Cut, factors: tuple[passes.Spectra, passes.Spectra],
        bits: int,
    ) -> None:  # fmt: skip
        item = bits // 8
        pair = 2 * VECTOR_BYTES // item
        packs = not is_winograd(cut.length)
        part = summed_filters(cut.length, case.ins, item)
        filters = passes.Spectra(cut.bins, part, pair, item)
        multiply = passes.products(
            case, cut, (*factors, filters), bits, over_tiles=True, packs=packs
        )
        back = passes.filters(case, cut, filters, bits, back=True)
        self._pairs = Pairs(pairs_of(case.outs, item), case.groups, (multiply, filters), back)
        starts = range(0, case.ins, part)
        counts = [min(part, case.ins - start) for start in starts]
        self._parts = Parts(
            [(start, count, start, count) for start, count in zip(starts, counts, strict=True)]
        )

    def sizes(self) -> tuple[int]:
        """Return the bytes that are needed."""
        return (torch.get_num_threads() * self._pairs.bytes,)

    def add(self, memory: list[int], factors: dict[int, int], results: dict[int, int]) -> None:
        """Multiply, sum, and transform back."""
        self._pairs.run(memory[0], (factors, results), self._parts)

    def finish(self, memory: list[int], results: dict[int, int]) -> None:
        """Do nothing: all is done."""
