"""Peak memory of one call, from the kernel's own counter of this process."""

import ctypes
from collections.abc import Callable
from pathlib import Path

_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


def unavailable() -> str | None:
    """Say in a sentence why peaks cannot be measured here, or return None if they can."""
    if not _CLEAR.exists():
        return "Peak memory is not measured: only Linux lets a process reset its peak."
    return None


def extra_bytes(call: Callable[[], object]) -> int:
    """Return how far a call raises the resident memory of this process at its highest.

    Freed memory that the allocator kept is given back first, or it would hide what the call needs.
    """
    call()
    ctypes.CDLL(None).malloc_trim(0)
    _CLEAR.write_text("5")  # resets the peak to what is resident now
    before = _status("VmRSS")
    result = call()
    peak = _status("VmHWM")
    del result
    return peak - before


def _status(field: str) -> int:
    lines = _STATUS.read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(field))
