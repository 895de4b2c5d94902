"""Caches as a layer finds them within its model: full of what the other layers have touched.

By itself, called again and again, a layer has its weight, the spectra that a method keeps of it and
the memory that it works in in some cache. Within its model it has not, and what needs more memory
than another method loses more.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from fftconv.models.watching import Call

#: Bytes that are read between two calls at most, in some 25 ms. A 3x3 layer with 128 channels took
#: 1.1 to 1.2 ms within a ResNet-50 by `overlap_save`, and by itself 0.65 ms at once, 0.76 after
#: 64 MiB, 0.91 after 128, and 1.1 after 256; `native` 0.75, 0.68 and, after 64 MiB, 0.77 (a guest
#: that shares a third-level cache of 480 MiB).
MOST_BYTES = 256 << 20


class Rest:
    """What a model touches between two calls of one of its layers."""

    def __init__(self, model: torch.nn.Module, calls: Sequence[Call]) -> None:
        """Count the bytes of the model's parameters, and of what its layers read and write."""
        device = calls[0].device
        # What one writes, another reads; between two layers there are others, as of normalisation.
        self._bytes = sum(p.nbytes for p in model.parameters()) + 2 * sum(map(_inputs, calls))
        count = min(MOST_BYTES, self._bytes) // 4
        self._memory = torch.zeros(count, dtype=torch.int32, device=device)

    def touch(self, call: Call, incoming: Tensor) -> Callable[[], object] | None:
        """Return what is to be done before a call is timed, if anything: touch the rest.

        Parameters
        ----------
        call
            Of a layer, which does not count as rest.
        incoming
            What the neighbour has written just now: it is touched last.
        """
        others = min(MOST_BYTES, self._bytes - 2 * _inputs(call) - call.weight.nbytes)
        if others <= 0:
            return None
        rest, fresh = self._memory[: others // 4], incoming.detach()

        def touch() -> None:
            rest.sum(dtype=torch.int32)
            fresh.sum()

        return touch


def _inputs(call: Call) -> int:
    return prod(call.shape) * call.dtype.itemsize
