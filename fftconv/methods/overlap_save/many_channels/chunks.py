"""Threads that work apart: each takes a chunk of tiles through all three passes by itself.

What one pass writes the next one reads: so it lies in the caches of the core that wrote it. Where
threads share each pass instead, half of all spectra come from another core's cache, twice, and on
two cores three short passes took as long as on one. Each thread reads the spectra of all filters,
though, so that deep layers are better off with sharing (`cutting.cut` decides).
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import TYPE_CHECKING, Any

import torch

from fftconv.machine_code.compiling import compile_job
from fftconv.machine_code.rows import add_atomically, copy
from fftconv.machine_code.scratch import Scratch
from fftconv.machine_code.shift import as_pointer, run
from fftconv.machine_code.vectors import take_ticket
from fftconv.methods.overlap_save.many_channels import fields as at
from fftconv.methods.overlap_save.many_channels.cutting import odd_lines
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
    from collections.abc import Mapping, Sequence

    from fftconv.methods.overlap_save.many_channels.cutting import Cut
    from fftconv.methods.overlap_save.many_channels.passes import Pass

_FIELDS = ctypes.c_int64 * at.CHUNKS_COUNT


@cache
def all_passes() -> Any:
    """Return the function of a thread that takes chunk by chunk."""
    source = source_hash()
    transform, product = TRANSFORM_BYTES, PRODUCT_BYTES

    def chunks_job(job: Any) -> None:
        source  # noqa: B018 - a closure's values are part of the key of numba's cache
        own = job[at.MEMORY] + job[at.MEMORY_STEP] * add_atomically(job, at.C_SLOTS, 1)
        there_at, multiply_at, back_at = own, own + transform, own + transform + product
        copy(there_at, job[at.THERE_JOB], transform)
        copy(multiply_at, job[at.MULTIPLY_JOB], product)
        copy(back_at, job[at.BACK_JOB], transform)
        there, multiply, back = as_pointer(there_at), as_pointer(multiply_at), as_pointer(back_at)
        scratch, spectra = own + job[at.OWN_SCRATCH], own + job[at.OWN_SPECTRA]
        there[at.SCRATCH] = back[at.SCRATCH] = multiply[at.P_SCRATCH] = scratch
        there[at.SPECTRA] = back[at.SPECTRA] = spectra
        multiply[at.LEFT_PLACE] = multiply[at.OUT_PLACE] = spectra
        chunk = take_ticket(job)
        while chunk < job[at.CHUNKS]:
            which = as_pointer(job[at.CHUNK_LIST] + 32 * chunk)
            there[at.TICKET] = back[at.TICKET] = multiply[at.P_TICKET] = 0
            there[at.SLOTS] = back[at.SLOTS] = multiply[at.P_SLOTS] = 0
            there[at.FIRST_UNIT] = back[at.FIRST_UNIT] = which[0]
            there[at.UNITS] = back[at.UNITS] = which[1]
            there[at.FIRST_TILE] = back[at.FIRST_TILE] = which[2]
            multiply[at.P_TILES] = multiply[at.ROWS] = which[3]
            run(job[at.THERE], there_at)
            run(job[at.MULTIPLY], multiply_at)
            run(job[at.BACK], back_at)
            chunk = take_ticket(job)

    return compile_job(chunks_job)


class Chunks:
    """The three passes of a correlation, for threads that work apart."""

    def __init__(self, cut: Cut, passes: tuple[Pass, Pass, Pass], slot: int, spectra: int) -> None:
        """Take the bytes of a thread's scratch, and of the spectra of a chunk."""
        chunks = cut.chunks()
        self._number, self._list = len(chunks), listed(chunks)
        slot = odd_lines(slot)
        self._bytes = odd_lines(COPIES_BYTES + slot + spectra)
        job = _FIELDS()
        job[at.CHUNKS], job[at.CHUNK_LIST] = self._number, ctypes.addressof(self._list)
        for place, one in enumerate(passes):
            job[at.THERE + place] = one.address
        job[at.MEMORY_STEP] = self._bytes
        job[at.OWN_SCRATCH], job[at.OWN_SPECTRA] = COPIES_BYTES, COPIES_BYTES + slot
        self._jobs, self._function = Jobs(job, passes, at.THERE_JOB), all_passes().address

    def run(self, changing: Sequence[Mapping[int, int]]) -> None:
        """Run the passes in torch's threads, with the fields that are to be filled in."""
        threads = min(torch.get_num_threads(), self._number)
        job, address = self._jobs.filled(changing)
        with Scratch(threads * self._bytes) as (job[at.MEMORY],):
            run_counted(self._function, address, threads)
