"""Have a process that measures keep the memory that its calls free.

glibc gives freed memory back to the kernel once enough of it lies at the top of its heap, and the
next call fetches it again, page by page, each zeroed: a call of some megabytes may spend most of
its time so. How much is enough depends on the largest block that the process has ever freed, and
blocks above 32 MiB are mapped anew unless the heap has room for them: so the same call is fast in
one process and slow in another. Here each process has room: all blocks come from the heap, which
gives nothing back.
"""

import ctypes
import os
import platform
import resource
from contextlib import suppress

# Numbers that mallopt(3) knows these by, what switches the first off, and how many blocks may be
# mapped outside of the heap.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_NEVER = -1
_NO_BLOCK = 0
# Whoever has set one of these wants memory to be treated so.
_ASKED_FOR = (
    "MALLOC_TRIM_THRESHOLD_",
    "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_MMAP_MAX_",
    "MALLOC_TOP_PAD_",
)
_TUNABLES = "GLIBC_TUNABLES"
FOR_ANY_PROCESS = f"MALLOC_TRIM_THRESHOLD_={1 << 32} MALLOC_MMAP_MAX_={_NO_BLOCK}"
"""What has any process keep it: variables that glibc reads when the process starts."""


def pages_given() -> int:
    """Return how many pages of memory the kernel has given this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def keep() -> bool:
    """Do so, unless the user said otherwise, and return whether it is done.

    With another C library than glibc nothing is changed.
    """
    if any(os.environ.get(name) for name in _ASKED_FOR):
        return False
    if "glibc.malloc" in os.environ.get(_TUNABLES, "") or platform.libc_ver()[0] != "glibc":
        return False
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        return bool(mallopt(_MMAP_MAX, _NO_BLOCK) and mallopt(_TRIM_THRESHOLD, _NEVER))
    return False
