"""How much memory there is for this process: the machine's, or what its container may have."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from pathlib import Path

#: Of cgroups v2 and v1, as a container sees its own.
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
#: Where the system does not say.
_UNKNOWN_BYTES = 4 << 30


@cache
def memory_bytes() -> int:
    """Return the bytes of memory, as far as the system says."""
    found = []
    with suppress(OSError, ValueError, AttributeError):  # no such names outside of POSIX
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for limit in LIMITS:
        with suppress(OSError, ValueError):  # no such file, or "max"
            found.append(int(limit.read_text()))
    return min((size for size in found if size > 0), default=_UNKNOWN_BYTES)
