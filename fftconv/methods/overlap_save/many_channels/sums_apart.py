"""Weights' gradients by threads that work apart: each sums over chunks of tiles of its own.

What one pass writes the next one reads, so it lies in the caches of the core that wrote it, and so
do the sums, where they are few enough (`cutting.cut` decides). How tiles are shared out does not
depend on which thread comes first: results are the same each time.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import TYPE_CHECKING, Any

import torch

from fftconv.machine_code.compiling import compile_job
from fftconv.machine_code.rows import add_atomically, add_row, copy
from fftconv.machine_code.scratch import Scratch
from fftconv.machine_code.shift import as_pointer, run
from fftconv.machine_code.vectors import numbers, take_ticket
from fftconv.methods.maps import readable
from fftconv.methods.overlap_save.many_channels import fields as at
from fftconv.methods.overlap_save.many_channels import passes
from fftconv.methods.overlap_save.many_channels.cutting import odd_lines
from fftconv.methods.overlap_save.many_channels.filter_gradient import Factors
from fftconv.methods.overlap_save.many_channels.jobs import (
    COPIES_BYTES,
    PRODUCT_BYTES,
    TRANSFORM_BYTES,
    Jobs,
    listed,
)
from fftconv.methods.overlap_save.many_channels.phases import run_counted
from fftconv.methods.overlap_save.many_channels.sources import source_hash

if TYPE_CHECKING:
    from torch import Tensor

    from fftconv.methods.overlap_save.many_channels.correlation import Correlation
    from fftconv.methods.overlap_save.many_channels.cutting import Cut

_SUMS, _ADDING = ctypes.c_int64 * at.SUMS_APART_COUNT, ctypes.c_int64 * at.ADDING_COUNT


@cache
def all_sums() -> Any:
    """Return the function of a thread that sums over some chunks."""
    source = source_hash()
    transform, product = TRANSFORM_BYTES, PRODUCT_BYTES

    def sums_job(job: Any) -> None:
        source  # noqa: B018 - a closure's values are part of the key of numba's cache
        own = job[at.S_MEMORY] + job[at.S_MEMORY_STEP] * add_atomically(job, at.S_SLOTS, 1)
        multiply_at, left_at, right_at = own, own + product, own + product + transform
        copy(multiply_at, job[at.S_MULTIPLY_JOB], product)
        copy(left_at, job[at.S_LEFT_JOB], transform)
        copy(right_at, job[at.S_RIGHT_JOB], transform)
        multiply, left, right = as_pointer(multiply_at), as_pointer(left_at), as_pointer(right_at)
        scratch = own + job[at.S_OWN_SCRATCH]
        left[at.SCRATCH] = right[at.SCRATCH] = multiply[at.P_SCRATCH] = scratch
        left[at.SPECTRA] = multiply[at.LEFT_PLACE] = own + job[at.S_OWN_LEFT]
        right[at.SPECTRA] = multiply[at.RIGHT_PLACE] = own + job[at.S_OWN_RIGHT]
        chunks, tickets = job[at.S_CHUNKS], job[at.S_TICKETS]
        ticket = take_ticket(job)
        while ticket < tickets:
            multiply[at.OUT_PLACE] = job[at.S_SUMS] + ticket * job[at.S_SUMS_STEP]
            multiply[at.P_ADDS] = 0
            for chunk in range(ticket * chunks // tickets, (ticket + 1) * chunks // tickets):
                which = as_pointer(job[at.S_CHUNK_LIST] + 32 * chunk)
                left[at.TICKET] = right[at.TICKET] = multiply[at.P_TICKET] = 0
                left[at.SLOTS] = right[at.SLOTS] = multiply[at.P_SLOTS] = 0
                left[at.FIRST_UNIT] = right[at.FIRST_UNIT] = which[0]
                left[at.UNITS] = right[at.UNITS] = which[1]
                left[at.FIRST_TILE] = right[at.FIRST_TILE] = which[2]
                multiply[at.P_TILES] = multiply[at.SUMS] = which[3]
                run(job[at.S_LEFT], left_at)
                run(job[at.S_RIGHT], right_at)
                run(job[at.S_MULTIPLY], multiply_at)
                multiply[at.P_ADDS] = 1
            ticket = take_ticket(job)

    return compile_job(sums_job)


@cache
def all_added(bits: int) -> Any:
    """Return the function of a thread that adds the sums of all tickets to those of the first."""
    zero, _, _ = numbers(bits)
    source = source_hash()

    def adding_job(job: Any) -> None:
        source  # noqa: B018 - a closure's values are part of the key of numba's cache
        piece = take_ticket(job)
        while piece < job[at.A_PIECES]:
            place = job[at.A_PLACE] + piece * job[at.A_PIECE_STEP]
            for other in range(1, job[at.A_SUMS]):
                add_row(zero, place, place + other * job[at.A_STEP], job[at.A_NUMBERS])
            piece = take_ticket(job)

    return compile_job(adding_job)


class FilterGradientApart:
    """The gradient of a correlation's filters, summed over tiles by each thread for itself."""

    def __init__(self, case: Correlation, cut: Cut, dtype: torch.dtype) -> None:
        self.case, self.cut = case, cut
        item = dtype.itemsize
        bits = 8 * item
        self._factors = made = Factors(case, cut, item)
        sums = passes.Spectra(cut.bins, case.ins, case.outs, item)
        spectra = made.inputs, made.outputs, sums
        multiply = passes.products(case, cut, spectra, bits, over_tiles=True)
        self._back = passes.filters(case, cut, sums, bits, back=True)
        self._back_tickets = passes.filter_tickets(case, item)
        chunks = cut.chunks()
        self._tickets = cut.chunks_at_once(torch.get_num_threads())
        self._list = listed(chunks)
        slot = odd_lines(max(made.slot, multiply.slot))
        first, second = made.sizes
        self._bytes = odd_lines(COPIES_BYTES + slot + first + second)
        self._sums_bytes = case.groups * sums.group
        job = _SUMS()
        job[at.S_CHUNKS], job[at.S_CHUNK_LIST] = len(chunks), ctypes.addressof(self._list)
        job[at.S_TICKETS], job[at.S_MEMORY_STEP] = self._tickets, self._bytes
        job[at.S_SUMS_STEP] = self._sums_bytes
        job[at.S_OWN_SCRATCH], job[at.S_OWN_LEFT] = COPIES_BYTES, COPIES_BYTES + slot
        job[at.S_OWN_RIGHT] = COPIES_BYTES + slot + first
        both = made.of_inputs, made.of_outputs, multiply
        for place, one in enumerate(both, at.S_LEFT):
            job[place] = one.address
        self._jobs, self._function = Jobs(job, both, at.S_LEFT_JOB), all_sums().address
        adding = _ADDING()
        adding[at.A_SUMS], adding[at.A_STEP] = self._tickets, self._sums_bytes
        adding[at.A_PIECES], adding[at.A_PIECE_STEP] = case.groups * cut.bins, sums.bin
        adding[at.A_NUMBERS] = 2 * sums.part // item
        self._adding, self._add = bytes(adding), all_added(bits).address

    def run(self, x: Tensor, g: Tensor) -> Tensor:
        """Return the gradient as (groups, outs, ins, height, width)."""
        x, g = readable(x), readable(g)
        gradient, _biases, results = self._factors.results(x)  # until all is done
        inputs, outputs = self._factors.steps(x, g)
        job, address = self._jobs.filled((inputs, outputs, {}))
        adding = _ADDING.from_buffer_copy(self._adding)
        threads, slot = torch.get_num_threads(), self._back.slot
        working = min(threads, self._tickets)
        sizes = working * self._bytes, self._tickets * self._sums_bytes, threads * slot
        with Scratch(*sizes) as (job[at.S_MEMORY], sums, scratch):
            job[at.S_SUMS] = adding[at.A_PLACE] = sums
            run_counted(self._function, address, working)
            run_counted(self._add, ctypes.addressof(adding), working)
            results |= {at.SPECTRA: sums, at.SCRATCH: scratch, at.SLOT: slot}
            self._back.run(results, self._back_tickets)
        return gradient
