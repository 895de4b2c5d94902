"""Spectra of weights, kept between calls."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import torch

from fftconv._forking import ForkedLock

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

#: Bytes of weight spectra that are kept between calls.
KEPT_BYTES = 64 << 20


class WeightSpectra:
    """Spectra of weights, kept while the weights keep their values.

    A slot belongs to a place in memory; what proves that the spectrum is still right is a
    comparison of all values, which costs far less than a transform and, unlike version counters,
    also sees changes through ``weight.data``.
    """

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        """Take the most bytes to keep."""
        self._most = kept_bytes
        self._slots: OrderedDict[tuple[object, ...], tuple[Tensor, Tensor]] = OrderedDict()
        self._bytes = 0
        self._lock = ForkedLock()

    def get(self, w: Tensor, kind: object, transform: Callable[[Tensor], Tensor]) -> Tensor:
        """Return what `transform` makes or has made of `w`.

        `kind` stands for the transform, and for the shape, dtype and device of what it takes.
        """
        key = (w.data_ptr(), kind)
        with self._lock.now:
            slot = self._slots.get(key)
        if slot is not None and torch.equal(slot[0], w):
            return slot[1]
        # Made in inference mode, they would be of no use to a call that is recorded.
        with torch.inference_mode(False), torch.no_grad():
            spectrum = transform(w)
            self._keep(key, (w.clone(), spectrum))
        return spectrum

    def _keep(self, key: tuple[object, ...], slot: tuple[Tensor, Tensor]) -> None:
        size = slot[0].nbytes + slot[1].nbytes
        with self._lock.now:
            self._drop(self._slots.pop(key, None))
            if size > self._most:
                return
            self._slots[key] = slot
            self._bytes += size
            while self._bytes > self._most:
                self._drop(self._slots.popitem(last=False)[1])

    def _drop(self, slot: tuple[Tensor, Tensor] | None) -> None:
        if slot is not None:
            self._bytes -= slot[0].nbytes + slot[1].nbytes
