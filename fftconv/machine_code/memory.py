"""How much memory there is for this process, and how much of it is near a core."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from pathlib import Path

#: Of a line of the caches.
LINE_BYTES = 64
#: Of cgroups v2 and v1, as a container sees its own.
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
#: What Linux says of the second level of the first core's caches: "2048K".
CACHE = Path("/sys/devices/system/cpu/cpu0/cache/index2/size")
#: Where the system does not say.
_UNKNOWN_BYTES, _UNKNOWN_CACHE_BYTES = 4 << 30, 1 << 19


@cache
def memory_bytes() -> int:
    """Return the bytes of memory: the machine's, or what its container may have."""
    found = []
    with suppress(OSError, ValueError, AttributeError):  # no such names outside of POSIX
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for limit in LIMITS:
        with suppress(OSError, ValueError):  # no such file, or "max"
            found.append(int(limit.read_text()))
    return min((size for size in found if size > 0), default=_UNKNOWN_BYTES)


@cache
def cache_bytes() -> int:
    """Return the bytes of a core's second-level cache, as far as the system says."""
    with suppress(OSError, ValueError):
        return int(CACHE.read_text().strip().removesuffix("K")) << 10
    return _UNKNOWN_CACHE_BYTES
