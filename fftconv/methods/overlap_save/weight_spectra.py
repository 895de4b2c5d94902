"""Spectra of weights, kept between calls."""

from __future__ import annotations

import ctypes
from collections import OrderedDict
from itertools import count
from typing import TYPE_CHECKING, Any

import torch

from fftconv._forking import ForkedLock
from fftconv.machine_code.usable import obstacle

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

#: Bytes of weight spectra that are kept between calls.
KEPT_BYTES = 64 << 20
#: Weights from here on are known by their digest.
DIGESTED_BYTES = 1 << 20
#: Weights without a slot whose last use is remembered.
REMEMBERED = 4096


class WeightSpectra:
    """Spectra of weights, kept while the weights keep their values.

    A slot belongs to a place in memory; what proves that the spectrum is still right is a
    comparison of all values (of large weights, of their digest), which costs far less than a
    transform and, unlike version counters, also sees changes through ``weight.data``.

    Where there is no room for all, a weight takes the slot of one that was not used since it was
    itself used last. A network's layers come in turns: would each take the place of the one that
    waited longest, none would ever find its spectra again.
    """

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        """Take the most bytes to keep."""
        self._most = kept_bytes
        self._slots: OrderedDict[tuple[object, ...], tuple[_Values, Tensor]] = OrderedDict()
        """The one that was used longest ago first."""
        self._used: OrderedDict[tuple[object, ...], int] = OrderedDict()
        """The turn of each weight's last use."""
        self._turns = count()
        self._bytes = 0
        self._lock = ForkedLock()

    def get(self, w: Tensor, kind: str, transform: Callable[[Tensor], Tensor]) -> Tensor:
        """Return what `transform` makes or has made of `w`.

        `kind` stands for the transform, and for the shape, dtype and device of what it takes: a
        string, which is hashed once.
        """
        key = (w.data_ptr(), kind)
        with self._lock.now:
            slot = self._slots.get(key)
            before = self._use(key)
        if slot is not None and slot[0].are(w):
            return slot[1]
        # Made in inference mode, they would be of no use to a call that is recorded.
        with torch.inference_mode(False), torch.no_grad():
            spectrum = transform(w)
            self._keep(key, w, spectrum, before)
        return spectrum

    def _use(self, key: tuple[object, ...]) -> float:
        """Note that a weight is used, and return the turn of its last use; of a new one, the end.

        A new weight may take anybody's place: what is there may be of a model that has gone.
        """
        before = self._used.pop(key, float("inf"))
        self._used[key] = next(self._turns)
        if len(self._used) > REMEMBERED:
            self._used.popitem(last=False)
        if key in self._slots:
            self._slots.move_to_end(key)
        return before

    def _keep(self, key: tuple[object, ...], w: Tensor, spectrum: Tensor, before: float) -> None:
        """Keep a spectrum if there is room, or room can be made."""
        values = _Values(w)
        size = values.nbytes + spectrum.nbytes
        with self._lock.now:
            self._drop(self._slots.pop(key, None))
            going, left = [], self._bytes
            for other, slot in self._slots.items():
                if left + size <= self._most or self._used.get(other, -1) > before:
                    break
                going.append(other)
                left -= _bytes(slot)
            if left + size > self._most:
                return
            for other in going:
                self._drop(self._slots.pop(other))
            self._slots[key] = values, spectrum
            self._bytes += size

    def _drop(self, slot: tuple[_Values, Tensor] | None) -> None:
        if slot is not None:
            self._bytes -= _bytes(slot)


def _bytes(slot: tuple[_Values, Tensor]) -> int:
    return slot[0].nbytes + slot[1].nbytes


class _Values:
    """What a weight was: a copy, or the digest of a large one."""

    def __init__(self, w: Tensor) -> None:
        self._digest = _digest(w)
        self._copy = w.clone() if self._digest is None else None

    @property
    def nbytes(self) -> int:
        """Bytes of what is kept."""
        return len(self._digest or b"") if self._copy is None else self._copy.nbytes

    def are(self, w: Tensor) -> bool:
        """Whether a weight of the same shape is still what it was."""
        return _digest(w) == self._digest if self._copy is None else _same(self._copy, w)


def _digest(w: Tensor) -> bytes | None:
    """Return the digest of a large weight; None of others, and where it cannot be made."""
    dense = w.is_cpu and w.is_contiguous() and not (w.is_conj() or w.is_neg())
    if w.nbytes < DIGESTED_BYTES or not dense or obstacle() is not None:
        return None
    from fftconv.machine_code.digest import digest

    return digest(w)


def _same(kept: Tensor, w: Tensor) -> bool:
    """Whether a weight is still what it was when its copy was made, bit by bit where it can be."""
    dense = w.is_cpu and w.is_contiguous() and kept.is_contiguous()
    if _MEMCMP is None or not dense or w.is_neg() or kept.is_neg():
        return torch.equal(kept, w)
    # Five to ten times as fast as torch.equal, which takes a tenth of a dense layer's time.
    differs: int = _MEMCMP(kept.data_ptr(), w.data_ptr(), w.nbytes)
    return not differs


def _memcmp() -> Any:
    """Return the C library's comparison of memory, where it can be had."""
    try:
        function = ctypes.CDLL(None).memcmp
    except (OSError, TypeError, AttributeError):
        return None  # Windows has no name for the program itself
    function.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
    return function


_MEMCMP = _memcmp()
