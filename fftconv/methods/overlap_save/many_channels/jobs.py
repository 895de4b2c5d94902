"""A job and those of its passes, one behind the other in memory."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

from fftconv.methods.overlap_save.many_channels import fields as at
from fftconv.methods.overlap_save.many_channels.cutting import odd_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fftconv.methods.overlap_save.many_channels.passes import Pass

#: Bytes of the fields of a transform's job and of a product's, and of the copies that a thread
#: which runs passes by itself makes of two transforms' and a product's.
TRANSFORM_BYTES, PRODUCT_BYTES = 8 * at.TRANSFORM_COUNT, 8 * at.PRODUCT_COUNT
COPIES_BYTES = odd_lines(2 * TRANSFORM_BYTES + PRODUCT_BYTES)


def listed(parts: Sequence[Sequence[int]]) -> Any:
    """Lay parts out as jobs read them, one behind the other; a job has the list's address alone."""
    numbers = [number for part in parts for number in part]
    return (ctypes.c_int64 * len(numbers))(*numbers)


class Jobs:
    """Fields that do not change from call to call: one copy makes them all.

    Between a network's layers each line of Python takes ten times as long as in a loop.
    """

    def __init__(self, job: Any, passes: Sequence[Pass], place: int) -> None:
        """Take the job, and its field from which on the addresses of the passes' jobs are."""
        templates = [bytes(job), *(one.template for one in passes)]
        self._template = b"".join(templates)
        self._kind = ctypes.c_int64 * (len(self._template) // 8)
        self._place = place
        self._firsts = [sum(map(len, templates[: n + 1])) // 8 for n in range(len(passes))]

    def filled(self, changing: Sequence[Mapping[int, int]]) -> tuple[Any, int]:
        """Return the fields, with those of passes that are to be filled in, and their address."""
        fields = self._kind.from_buffer_copy(self._template)
        address = ctypes.addressof(fields)
        for place, (first, values) in enumerate(
            zip(self._firsts, changing, strict=True), self._place
        ):
            fields[place] = address + 8 * first
            for field, value in values.items():
                fields[first + field] = value
        return fields, address
