"""Threads that take output channels: filters, product and outputs of a pair of vectors at a time.

The spectra of a deep layer's weight are larger than any cache. Here those of two vectors of outputs
are made where they are used, and lie in the cache of the core that multiplies by them: memory is
read for the weight itself alone, and less often than to find out whether spectra that were kept are
still right. That pays where making them is little work, as by Winograd's transforms.

A chunk's tiles of the input are transformed first, by all threads. What follows is shared out by
pairs and parts of the tiles.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import TYPE_CHECKING, Any

import torch

from fftconv.machine_code.compiling import compile_job
from fftconv.machine_code.pool import share
from fftconv.machine_code.rows import add_atomically, copy
from fftconv.machine_code.scratch import Scratch
from fftconv.machine_code.shift import as_pointer, run
from fftconv.machine_code.vectors import VECTOR_BYTES, take_ticket
from fftconv.methods.maps import readable
from fftconv.methods.overlap_save.many_channels import fields as at
from fftconv.methods.overlap_save.many_channels import passes
from fftconv.methods.overlap_save.many_channels.biases import Biases
from fftconv.methods.overlap_save.many_channels.cutting import odd_lines
from fftconv.methods.overlap_save.many_channels.sources import source_hash

if TYPE_CHECKING:
    from torch import Tensor

    from fftconv.methods.overlap_save.many_channels.cutting import Correlation, Cut
    from fftconv.methods.overlap_save.weight_spectra import WeightSpectra

#: Tiles of a part at most: their outputs' spectra, of a pair, are to be in a core's cache.
PART_TILES = 96
#: Bytes of the fields of a transform's job and of a product's.
_TRANSFORM, _PRODUCT = 8 * at.TRANSFORM_COUNT, 8 * at.PRODUCT_COUNT
_JOBS = odd_lines(2 * _TRANSFORM + _PRODUCT)
#: A transform is of one pair of one group at a time.
_ONE = {at.PAIRS: 1, at.GROUPS: 1}
_FIELDS = ctypes.c_int64 * at.OUTPUTS_COUNT


@cache
def all_outputs() -> Any:
    """Return the function of a thread that takes pair by pair."""
    source = source_hash()
    transform, product = _TRANSFORM, _PRODUCT

    def outputs_job(job: Any) -> None:
        source  # noqa: B018 - a closure's values are part of the key of numba's cache
        own = job[at.O_MEMORY] + job[at.O_STEP] * add_atomically(job, at.O_SLOTS, 1)
        filters_at, multiply_at, back_at = own, own + transform, own + transform + product
        copy(filters_at, job[at.FILTERS_JOB], transform)
        copy(multiply_at, job[at.PRODUCT_JOB], product)
        copy(back_at, job[at.OUTPUT_JOB], transform)
        filters, multiply, back = (
            as_pointer(filters_at), as_pointer(multiply_at), as_pointer(back_at),
        )  # fmt: skip
        scratch = own + job[at.O_SCRATCH]
        filters[at.SCRATCH] = back[at.SCRATCH] = multiply[at.P_SCRATCH] = scratch
        multiply[at.RIGHT_PLACE] = own + job[at.O_FILTERS]
        multiply[at.OUT_PLACE] = own + job[at.O_OUTPUTS]
        left, vectors = multiply[at.LEFT_PLACE], multiply[at.VECTORS]
        parts, pairs = job[at.PARTS], job[at.O_PAIRS]
        before = -1
        ticket = take_ticket(job)
        while ticket < parts * pairs * job[at.O_GROUPS]:
            which = as_pointer(job[at.PART_LIST] + 32 * (ticket % parts))
            place = ticket // parts
            pair, group = place % pairs, place // pairs
            if place != before:
                filters[at.TICKET] = filters[at.SLOTS] = 0
                filters[at.FIRST_PAIR], filters[at.FIRST_GROUP] = pair, group
                shift = pair * filters[at.PAIR] + group * filters[at.SPECTRA_GROUP]
                filters[at.SPECTRA] = multiply[at.RIGHT_PLACE] - shift
                run(job[at.FILTERS], filters_at)
                before = place
            first = which[2] - job[at.CHUNK_TILE]
            multiply[at.P_TICKET] = multiply[at.P_SLOTS] = 0
            multiply[at.LEFT_PLACE] = (
                left + group * multiply[at.LEFT_GROUP] + first * multiply[at.LEFT_TILE]
            )
            multiply[at.P_TILES] = multiply[at.ROWS] = which[3]
            multiply[at.VECTORS] = min(2, vectors - 2 * pair)
            run(job[at.PRODUCT], multiply_at)
            back[at.TICKET] = back[at.SLOTS] = 0
            back[at.FIRST_PAIR], back[at.FIRST_GROUP] = pair, group
            back[at.FIRST_UNIT], back[at.UNITS], back[at.FIRST_TILE] = which[0], which[1], which[2]
            shift = pair * back[at.PAIR] + group * back[at.SPECTRA_GROUP]
            back[at.SPECTRA] = multiply[at.OUT_PLACE] - shift
            run(job[at.OUTPUT], back_at)
            ticket = take_ticket(job)

    return compile_job(outputs_job)


class ByOutputs:
    """A correlation that makes the spectra of its filters as it goes.

    `turned` says that the weight is one of the map whose gradient this is.
    """

    def __init__(self, case: Correlation, cut: Cut, dtype: torch.dtype, turned: bool) -> None:
        self.case, self.cut = case, cut
        item = dtype.itemsize
        bits, pair = 8 * item, 2 * VECTOR_BYTES // item
        self._pairs = passes.pairs(case.outs, item)
        self._ins = case.groups * passes.pairs(case.ins, item)
        self._parts = [self._parts_of(chunk) for chunk in cut.chunks()]
        most = max(part[3] for parts in self._parts for part in parts)
        self._tiles = passes.Spectra(cut.bins, cut.most_tiles, case.ins, item, spread=True)
        filters = passes.FilterSpectra(cut.bins, case.ins, pair, item)
        outputs = passes.Spectra(cut.bins, most, pair, item)
        self._there = passes.planes(case, cut, self._tiles, bits, "input")
        each = (
            passes.filters(case, cut, filters, bits, turned),
            passes.products(case, cut, (self._tiles, filters, outputs), bits, packs=False),
            passes.planes(case, cut, outputs, bits, "output"),
        )
        self._each = each
        slot = odd_lines(max(one.slot for one in each))
        self._bytes = odd_lines(_JOBS + slot + filters.group + outputs.group)
        self._biases = Biases(case, dtype)
        job = _FIELDS()
        job[at.O_PAIRS], job[at.O_GROUPS], job[at.O_STEP] = self._pairs, case.groups, self._bytes
        job[at.O_SCRATCH], job[at.O_FILTERS] = _JOBS, _JOBS + slot
        job[at.O_OUTPUTS] = _JOBS + slot + filters.group
        for place, one in enumerate(each, at.FILTERS):
            job[place] = one.address
        self._template, self._address = bytes(job), all_outputs().address

    def _parts_of(self, chunk: tuple[int, int, int, int]) -> list[tuple[int, int, int, int]]:
        """Part a chunk's units: so that tiles are few, and each thread has some."""
        first, units, _, tiles = chunk
        tickets = 2 * torch.get_num_threads()
        parts = max(-(-tiles // PART_TILES), -(-tickets // (self._pairs * self.case.groups)))
        each = -(-units // min(parts, units))
        return self.cut.chunks(first, first + units, each)

    def keeping(
        self, _weights: WeightSpectra, x: Tensor, w: Tensor, bias: Tensor | None, y: Tensor
    ) -> None:
        """Correlate by a weight of which nothing is kept, either."""
        self.anew(x, w, bias, y)

    def anew(self, x: Tensor, w: Tensor, bias: Tensor | None, y: Tensor) -> None:
        """Correlate by a weight, and write to `y`, whose rows are dense."""
        x, w = readable(x), w.resolve_neg().contiguous()
        case, threads = self.case, torch.get_num_threads()
        source = passes.plane_steps(x, case.ins)
        _kept, biases = self._biases.of(bias)  # until all is done
        job = _FIELDS.from_buffer_copy(self._template)
        between = case.groups * self._tiles.group
        with Scratch(threads * self._there.slot, between, threads * self._bytes) as places:
            scratch, tiles, job[at.O_MEMORY] = places
            source |= {at.SCRATCH: scratch, at.SLOT: self._there.slot, at.SPECTRA: tiles}
            changing = (
                {at.PLACE: w.data_ptr(), **_ONE}, {at.LEFT_PLACE: tiles, at.P_GROUPS: 1},
                {at.PLACE: y.data_ptr(), at.BIAS: biases, **_ONE},
            )  # fmt: skip
            jobs = [one.filled(fields) for one, fields in zip(self._each, changing, strict=True)]
            for place, filled in enumerate(jobs, at.FILTERS_JOB):
                job[place] = ctypes.addressof(filled)
            for (first, units, tile, _), parts in zip(self.cut.chunks(), self._parts, strict=True):
                source |= {at.FIRST_UNIT: first, at.UNITS: units, at.FIRST_TILE: tile}
                self._there.run(source, units * self._ins)
                numbers = [number for part in parts for number in part]
                listed = (ctypes.c_int64 * len(numbers))(*numbers)
                job[at.PARTS], job[at.PART_LIST] = len(parts), ctypes.addressof(listed)
                job[at.CHUNK_TILE] = tile
                job[at.O_TICKET] = job[at.O_SLOTS] = 0
                tickets = len(parts) * self._pairs * case.groups
                share(self._address, ctypes.addressof(job), min(threads, tickets))
