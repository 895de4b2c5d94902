"""How fast the machine is while cells are sampled: work whose time is known, as a cell of its own.

The kernel tells what each thread has had of a core, and for how long it waited for one. It cannot
tell what happens below it: on a shared host another guest on the same physical core slows
everything, for seconds or hours, and no counter of this machine moves. Calls of some dozen
microseconds, which are mostly the way of Python and torch to the work, may then take twice as long,
calls of milliseconds a twentieth longer: what they lack is room in the first caches. So some work
of torch's takes turns with the cells, about as long as their calls. If it takes longer than at its
best, so do they.

What is best is learned: `benchmarks.pace`.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch
from torch.nn.functional import conv2d, pad, relu

# Images and filters, and which calls are most like theirs: those of at most so many seconds.
_SIZES = ((64, 3, 70e-6), (128, 7, 800e-6), (512, 7, float("inf")))
WORK = "torch's conv2d in turns"
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
    for thread in _threads():
        with suppress(OSError):  # it has ended meanwhile
            spent_s += time.clock_gettime(~int(thread) << 3 | _OF_THREAD)
    return spent_s or time.process_time()


def waited_s() -> float:
    """Return for how long threads of this process have waited for a core, all together, in seconds.

    Linux counts it for each thread that could run and did not; elsewhere it is 0.
    """
    waited_ns = 0
    for thread in _threads():
        with suppress(OSError, IndexError):  # it has ended meanwhile; a kernel that does not count
            text = (_THREADS / thread / "schedstat").read_text(encoding="ascii")
            waited_ns += int(text.split()[1])
    return waited_ns / 1e9


def _threads() -> list[str]:
    try:
        return [entry.name for entry in _THREADS.iterdir()]
    except OSError:
        return []


def size_like(call_s: float) -> int:
    """Return which of the known sizes takes about as long as a call of so many seconds."""
    return next(at for at, (*_, most_s) in enumerate(_SIZES) if call_s <= most_s)


def known_work(size: int) -> Callable[[], torch.Tensor]:
    """Return work of a known size, anew in memory at each call."""
    side, taps, _ = _SIZES[size]
    x, w = torch.full((1, 1, side, side), 0.5), torch.full((1, 1, taps, taps), 0.5)
    return lambda: relu(conv2d(pad(x, (1, 1, 1, 1)), w))
