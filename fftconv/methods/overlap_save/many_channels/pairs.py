"""Threads that take output channels, a pair of vectors at a time: products and the way back.

What a pair's product is made of, or makes, lies in the cache of the core that works on it: spectra
of a deep layer's weight, all in all, are larger than any cache. Where a job says how, the spectra
of the pair's filters are made first; if these alone would fill the cache, those of some input
channels at a time, whose products are summed up.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from fftconv.machine_code.compiling import compile_job
from fftconv.machine_code.rows import add_atomically, copy
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

    from fftconv.methods.overlap_save.many_channels.passes import Pass, Spectra

    Part = tuple[int, int, int, int]

_FIELDS = ctypes.c_int64 * at.PAIRS_COUNT


@cache
def all_pairs() -> Any:
    """Return the function of a thread that takes pair by pair."""
    source = source_hash()
    transform, product = TRANSFORM_BYTES, PRODUCT_BYTES

    def pairs_job(job: Any) -> None:
        source  # noqa: B018 - a closure's values are part of the key of numba's cache
        own = job[at.O_MEMORY] + job[at.O_STEP] * add_atomically(job, at.O_SLOTS, 1)
        multiply_at, back_at, filters_at = own, own + product, own + product + transform
        copy(multiply_at, job[at.PRODUCT_JOB], product)
        copy(back_at, job[at.OUTPUT_JOB], transform)
        multiply, back, filters = (
            as_pointer(multiply_at), as_pointer(back_at), as_pointer(filters_at),
        )  # fmt: skip
        has_filters = job[at.FILTERS] != 0
        if has_filters:
            copy(filters_at, job[at.FILTERS_JOB], transform)
            filters[at.SCRATCH] = own + job[at.O_SCRATCH]
            filters[at.PAIRS] = filters[at.GROUPS] = 1
        back[at.PAIRS] = back[at.GROUPS] = multiply[at.P_GROUPS] = 1
        back[at.SCRATCH] = multiply[at.P_SCRATCH] = own + job[at.O_SCRATCH]
        product_at, apart = own + job[at.O_PRODUCT], job[at.O_PRODUCT_STEP]
        ins, some = job[at.O_INS], job[at.O_INS_EACH]
        if some < ins:
            multiply[at.RIGHT_PAIR] = 0  # all is near already
        left, right, vectors = (
            multiply[at.LEFT_PLACE], multiply[at.RIGHT_PLACE], multiply[at.VECTORS],
        )  # fmt: skip
        # From row to row as they lie, not as they are packed.
        row_step = multiply[at.LEFT_TILE] if has_filters else multiply[at.LEFT_ROW]
        parts, each, pairs = job[at.PARTS], job[at.TICKET_PARTS], job[at.O_PAIRS]
        tickets = (parts + each - 1) // each
        ticket = take_ticket(job)
        while ticket < tickets * pairs * job[at.O_GROUPS]:
            begin, place = ticket % tickets * each, ticket // tickets
            pair, group = place % pairs, place // pairs
            # What is of one pair lies where it would if there were memory for all.
            back[at.FIRST_PAIR], back[at.FIRST_GROUP] = pair, group
            above = pair * back[at.PAIR] + group * back[at.SPECTRA_GROUP]
            if has_filters:
                multiply[at.RIGHT_PLACE] = own + job[at.O_FILTERS]
                filters[at.FIRST_PAIR], filters[at.FIRST_GROUP] = pair, group
                filters[at.SPECTRA] = multiply[at.RIGHT_PLACE] - (
                    pair * filters[at.PAIR] + group * filters[at.SPECTRA_GROUP]
                )
            else:
                multiply[at.RIGHT_PLACE] = (
                    right + pair * multiply[at.RIGHT_PAIR] + group * multiply[at.RIGHT_GROUP]
                )
            multiply[at.VECTORS] = min(2, vectors - 2 * pair)
            for channel in range(0, ins, some):
                if has_filters:
                    filters[at.FIRST_UNIT] = filters[at.FIRST_TILE] = channel
                    filters[at.UNITS] = multiply[at.SUMS] = min(some, ins - channel)
                    multiply[at.P_ADDS] = 1 if channel > 0 else 0
                    filters[at.TICKET] = filters[at.SLOTS] = 0
                    run(job[at.FILTERS], filters_at)
                for part in range(begin, min(parts, begin + each)):
                    which = as_pointer(job[at.PART_LIST] + 32 * part)
                    multiply[at.P_TICKET] = multiply[at.P_SLOTS] = 0
                    multiply[at.LEFT_PLACE] = (
                        left + group * multiply[at.LEFT_GROUP] + channel * multiply[at.LEFT_TERM]
                        + (which[2] - job[at.FIRST_ROW]) * row_step
                    )  # fmt: skip
                    multiply[at.OUT_PLACE] = product_at + (part - begin) * apart
                    multiply[at.ROWS] = which[3]
                    # What is packed, where it is: the rows of a part, of the channels at hand.
                    if has_filters:
                        multiply[at.P_TILES] = which[3]
                        multiply[at.P_CHANNELS] = multiply[at.SUMS]
                    else:
                        multiply[at.P_CHANNELS] = which[3]
                    run(job[at.PRODUCT], multiply_at)
                    if channel + some < ins:
                        continue
                    back[at.SPECTRA] = multiply[at.OUT_PLACE] - above
                    back[at.TICKET] = back[at.SLOTS] = 0
                    back[at.FIRST_UNIT], back[at.UNITS] = which[0], which[1]
                    back[at.FIRST_TILE] = which[2]
                    run(job[at.OUTPUT], back_at)
            ticket = take_ticket(job)

    return compile_job(pairs_job)


class Filters(NamedTuple):
    """The pass over the filters of a pair, and how it is shared out."""

    there: Pass
    spectra: Spectra
    """Of as many as are transformed at a time."""
    ins: int
    """Input channels of a group."""
    each: int
    """Of how many filters are transformed at a time."""
    products: int
    """How many parts have a product then that lies there: those of a ticket, if it is not all."""


class Pairs:
    """The pass over pairs of output channels of some groups.

    Its product takes the left factor as it lies, and its rows are parted. Passes are of one pair of
    one group.
    """

    def __init__(
        self, pairs: int, groups: int, multiply: tuple[Pass, Spectra], back: Pass,
        filters: Filters | None = None,
    ) -> None:  # fmt: skip
        """Take passes of single pairs, with the layout of what the first one writes."""
        self._number = pairs * groups
        passes = [multiply[0], back, *([filters.there] if filters else [])]
        slot = odd_lines(max(one.slot for one in passes))
        products = (filters.products if filters else 1) * multiply[1].group
        sizes = COPIES_BYTES, slot, products, filters.spectra.group if filters else 0
        self.bytes = odd_lines(sum(sizes))
        """Of memory, for each thread."""
        job = _FIELDS()
        job[at.O_INS], job[at.O_INS_EACH] = (filters.ins, filters.each) if filters else (1, 1)
        job[at.O_PRODUCT_STEP] = multiply[1].group if filters and filters.products > 1 else 0
        job[at.O_PAIRS], job[at.O_GROUPS], job[at.O_STEP] = pairs, groups, self.bytes
        for n, place in enumerate((at.O_SCRATCH, at.O_PRODUCT, at.O_FILTERS), 1):
            job[place] = sum(sizes[:n])
        for place, one in enumerate(passes, at.PRODUCT):
            job[place] = one.address
        self._jobs, self._function = Jobs(job, passes, at.PRODUCT_JOB), all_pairs().address

    def run(self, memory: int, changing: Sequence[Mapping[int, int]], parts: Parts) -> None:
        """Run it in torch's threads.

        Parameters
        ----------
        memory
            Where there are `bytes` for each thread.
        changing
            Fields that are to be filled in: of the product, of the way back, and of the way there
            of filters.
        parts
            Of the product's rows. The left factor begins with the first part's.
        """
        job, address = self._jobs.filled(changing)
        job[at.O_MEMORY] = memory
        for place, value in parts.fields.items():
            job[place] = value
        tickets = parts.tickets * self._number
        run_counted(self._function, address, min(torch.get_num_threads(), tickets))


class Parts:
    """Parts of a product's rows, of which each is transformed back by itself."""

    def __init__(self, parts: list[Part], each: int = 1) -> None:
        """Take the first unit, units, first row and rows of each, and how many a ticket has."""
        self._list = listed(parts)
        self.fields = {
            at.PARTS: len(parts), at.TICKET_PARTS: each, at.FIRST_ROW: parts[0][2],
            at.PART_LIST: ctypes.addressof(self._list),
        }  # fmt: skip
        self.tickets = -(-len(parts) // each)
        """Of each pair."""
