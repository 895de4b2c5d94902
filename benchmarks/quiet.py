"""Whether the machine is quiet: what else disturbs a time, as far as a process can see.

The kernel tells what each thread has had of a core. It cannot tell what happens below it: on a
shared host another guest on the same physical core slows everything by a quarter to a half, for
seconds or minutes, and no counter of this machine moves. So a small piece of work whose time is
known is run before and after each sample, with as many threads: a probe. If it takes longer than
at its best, the sample took longer, too.

What is best is learned: `benchmarks.pace`.
"""

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

# Numbers that one thread takes in some microseconds.
_NUMBERS = 1 << 13
# Torch lets another thread help for each so many numbers that begin. (So it does for its own
# functions. But exp, tanh and others are MKL's, which does so from 2,048 on; the logistic function
# is torch's, and as fast as the vector units are.)
_GRAIN = 1 << 15
# Some hosts take a core twenty thousand times a second, for two microseconds that cost ten: how
# often is what a window's time depends on, so a reading is a mean. (Between processes, cells vary
# with such means, correlation 0.6 to 0.7; with the fastest run 0.3 to 0.5.) The slowest runs found
# what the call before them left in the caches, or the kernel at work.
_RUNS, _LEFT_OUT = 16, 2
WORK = f"sigmoid {_NUMBERS} mean {_RUNS}"
"""What a probe does: times of another are not held against its own."""
_STAT = Path("/proc/stat")
_THREADS = Path("/proc/self/task")
# How Linux names the clock of a thread's processor time, beside the thread's number.
_OF_THREAD = 6


@dataclass(frozen=True)
class Counters:
    """What this process has used and suffered so far."""

    wall_s: float
    cpu_s: float
    """Of all threads."""
    thread_s: float
    """Of this thread alone."""
    stolen: int
    """Ticks that the host says it gave to other guests."""


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


def read() -> Counters:
    """Return the counters as they are now."""
    stolen = 0
    with suppress(OSError, IndexError, ValueError), _STAT.open("rb") as file:
        stolen = int(file.readline().split()[8])
    return Counters(time.perf_counter(), processor_s(), time.thread_time(), stolen)


class Probe:
    """Work whose time says how fast the cores are just now: all that torch uses, or this one."""

    def __init__(self, *, one_thread: bool) -> None:
        number = _NUMBERS if one_thread else _NUMBERS + _GRAIN * (torch.get_num_threads() - 1)
        self._from = torch.full((number,), 0.5)
        self._to = torch.empty_like(self._from)
        # Of one thread the processor's time counts: it stands still while others have the core.
        self._clock = time.thread_time if one_thread else time.perf_counter
        self.read_s()

    def read_s(self) -> float:
        """Return the seconds of a run: the mean of some, without the slowest."""
        taken = []
        for _ in range(_RUNS):
            start = self._clock()
            torch.sigmoid(self._from, out=self._to)
            taken.append(self._clock() - start)
        return sum(sorted(taken)[:-_LEFT_OUT]) / (_RUNS - _LEFT_OUT)
