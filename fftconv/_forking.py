"""Locks that a forked child finds open, whichever thread of its parent held them at the time."""

from __future__ import annotations

import os
from threading import Lock
from weakref import WeakSet


class ForkedLock:
    """A lock, to be taken as ``with lock.now:``; in a child, whose other threads are gone, another.

    Attributes
    ----------
    now
        The lock of this process.
    """

    def __init__(self) -> None:
        self.renew()
        _LOCKS.add(self)

    def renew(self) -> None:
        """Forget who holds it."""
        self.now = Lock()


_LOCKS: WeakSet[ForkedLock] = WeakSet()


def _renew_all() -> None:
    for lock in list(_LOCKS):
        lock.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
