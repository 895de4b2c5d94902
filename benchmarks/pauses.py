"""What new memory costs after a pause: ``python -m benchmarks.pauses``.

A virtual machine's kernel may tell its host which large blocks of memory have been free for some
seconds (Linux's free page reporting), and the host takes them back. Who asks for memory in large
pages then waits until the host has found some again; small pages are seldom reported.
"""

import argparse
import ctypes
import mmap
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

_ORDER = Path("/sys/module/page_reporting/parameters/page_reporting_order")
_ADVICE: int | None = getattr(mmap, "MADV_HUGEPAGE", None)


def fill_s(size: int, large: bool) -> float:
    """Return the seconds to write to so many new bytes, in large pages where there are some."""
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        if large and _ADVICE is not None:
            memory.madvise(_ADVICE)
        place = ctypes.c_char.from_buffer(memory)
        start = time.perf_counter()
        ctypes.memset(ctypes.addressof(place), 1, size)
        seconds = time.perf_counter() - start
        del place  # nothing may point into it when it is closed
    return seconds


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pauses", description=__doc__)
    parser.add_argument("--mib", type=int, default=104, help="to fill (default: 104)")
    parser.add_argument("--pause", type=float, default=4.0, help="seconds (default: 4)")
    parser.add_argument("--rounds", type=int, default=5, help="of each kind (default: 5)")
    options = parser.parse_args(argv)
    if options.mib < 1 or options.rounds < 1 or options.pause < 0:
        parser.error("--mib and --rounds must be at least 1, and --pause at least 0")
    print(f"ms to fill {options.mib} MiB of new memory, median of {options.rounds}")
    print(f"{'pages':8}{'at once':>10}{f'after {options.pause:g} s':>14}")
    for large in (False, True):
        taken: tuple[list[float], list[float]] = ([], [])
        for _ in range(options.rounds):
            time.sleep(options.pause)
            for seconds in reversed(taken):  # after the pause first, then at once
                seconds.append(fill_s(options.mib << 20, large))
        at_once, later = (1e3 * median(seconds) for seconds in taken)
        print(f"{'large' if large else 'small':8}{at_once:10.1f}{later:14.1f}")
    print(f"free blocks are {'' if _ORDER.exists() else 'not '}reported to a host")


if __name__ == "__main__":
    main()
