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

# Numbers of each thread, all of which fit into a second-level cache that others use, too.
_NUMBERS = 1 << 15
# One thread takes them in parts so small that torch lets no other help. (Below 32,768 it shares out
# nothing of its own. But exp, tanh and others are MKL's, which does so from 2,048 on; the logistic
# function is torch's, and as fast as the vector units are.)
_PARTS = 2
# The first run finds what the call before it left in the caches.
_RUNS = 3
WORK = "sigmoid 32768"
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
        self._times = _PARTS if one_thread else 1
        number = _NUMBERS // _PARTS if one_thread else _NUMBERS * torch.get_num_threads()
        self._from = torch.full((number,), 0.5)
        self._to = torch.empty_like(self._from)
        # Of one thread the processor's time counts: it stands still while others have the core.
        self._clock = time.thread_time if one_thread else time.perf_counter
        self.read_s()

    def read_s(self) -> float:
        """Return the seconds of the fastest of a few runs: one alone may be interrupted."""
        fastest = float("inf")
        for _ in range(_RUNS):
            start = self._clock()
            for _ in range(self._times):
                torch.sigmoid(self._from, out=self._to)
            fastest = min(fastest, self._clock() - start)
        return fastest
