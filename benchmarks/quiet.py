"""How fast the machine is while cells are sampled: work whose time is known, as a cell of its own.

The kernel tells what each thread has had of a core. It cannot tell what happens below it: on a
shared host another guest on the same physical core slows everything by a quarter to a half, for
seconds or hours, and no counter of this machine moves. So some work of torch's takes turns with the
cells. If it takes longer than at its best, so do they.

What is best is learned: `benchmarks.pace`.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch

# Torch lets another thread help for each so many numbers that begin. (So it does for its own
# functions. But exp, tanh and others are MKL's, which does so from 2,048 on; the logistic function
# is torch's, and as fast as the vector units are.) Twice as many are more than a first cache holds.
_GRAIN = 1 << 15
WORK = f"sigmoid {_GRAIN} in turns"
"""What it is: times of another are not held against its own."""
_THREADS = Path("/proc/self/task")
# How Linux names the clock of a thread's processor time, beside the thread's number.
_OF_THREAD = 6


def processor_s() -> float:
    """Return the processor time of all threads of this process, in seconds, as it is now.

    The process's own clock counts a thread that runs on another core only at the kernel's ticks, of
    some milliseconds; each thread's own clock is exact whoever reads it.
    """
    spent_s = 0.0
    try:
        threads = [int(entry.name) for entry in _THREADS.iterdir()]
    except OSError:
        return time.process_time()
    for thread in threads:
        with suppress(OSError):  # it has ended meanwhile
            spent_s += time.clock_gettime(~thread << 3 | _OF_THREAD)
    return spent_s


def known_work(threads: int) -> Callable[[], object]:
    """Return work for so many threads, anew in memory at each call."""
    numbers = torch.full((_GRAIN * max(2, threads),), 0.5)
    result = torch.empty_like(numbers)
    return lambda: torch.sigmoid(numbers, out=result)
