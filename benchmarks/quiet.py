"""Whether the machine is quiet: what else disturbs a time, as far as a process can see.

The kernel tells a process when it takes a core away. It cannot tell what happens below it: on a
shared host another guest on the same physical core slows everything by a quarter to a half, for
seconds or minutes, and no counter of this machine moves. So a small piece of work whose time is
known is run before and after each sample, with as many threads: a probe. If it takes longer than
at its best, the sample took longer, too.

What is best is learned: the least that this machine has needed of late, kept in a file, so that a
process that begins in a bad minute knows it for one.
"""

import hashlib
import json
import os
import platform
import resource
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import torch

# Numbers that a probe works on: so many that torch shares them among its threads, or half of them
# twice, so few that it does not; and all fit into the second-level cache. Their exponential is as
# fast as the vector units are.
_NUMBERS = 1 << 16
_RUNS = 2
# A best time that was not reached again for an hour is no longer what this machine can do: a laptop
# that runs on its battery now would decline everything. A neighbour may stay for half an hour, and
# what is measured beside it must not be taken for what is measured without.
_FORGOTTEN_AFTER_S = 3600.0
_REACHED = 1.02
_STAT = Path("/proc/stat")


@dataclass(frozen=True)
class Counters:
    """What this process has used and suffered so far."""

    wall_s: float
    cpu_s: float
    """Of all threads."""
    thread_s: float
    """Of this thread alone."""
    switches: int
    """How often the kernel took a core from one of the threads for something else."""
    stolen: int
    """Ticks that the host says it gave to other guests."""


def read() -> Counters:
    """Return the counters as they are now."""
    stolen = 0
    with suppress(OSError, IndexError, ValueError), _STAT.open("rb") as file:
        stolen = int(file.readline().split()[8])
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return Counters(
        time.perf_counter(), time.process_time(), time.thread_time(), usage.ru_nivcsw, stolen
    )


class Probe:
    """Work whose time says how fast the cores are just now: all that torch uses, or this one."""

    def __init__(self, *, one_thread: bool) -> None:
        whole = torch.full((_NUMBERS,), 0.5)
        self._from = whole.chunk(2) if one_thread else (whole,)
        self._to = [torch.empty_like(part) for part in self._from]
        # Of one thread the processor's time counts: it stands still while others have the core.
        self._clock = time.thread_time if one_thread else time.perf_counter
        self.read_s()

    def read_s(self) -> float:
        """Return the seconds of the fastest of a few runs: one alone may be interrupted."""
        fastest = float("inf")
        for _ in range(_RUNS):
            start = self._clock()
            for source, target in zip(self._from, self._to, strict=True):
                torch.exp(source, out=target)
            fastest = min(fastest, self._clock() - start)
        return fastest


class Best:
    """The least seconds of a probe, remembered between processes."""

    def __init__(self, threads: int) -> None:
        facts = (platform.node(), _processor(), torch.__version__, str(threads))
        name = hashlib.sha256("\0".join(facts).encode()).hexdigest()[:16]
        self._file = platformdirs.user_cache_path("fftconv") / "probe" / f"{name}.json"
        self.seconds, self._reached = self._remembered()

    def _remembered(self) -> tuple[float, float]:
        with suppress(OSError, ValueError, KeyError, TypeError):
            noted = json.loads(self._file.read_text(encoding="utf-8"))
            seconds, reached = float(noted["seconds"]), float(noted["reached"])
            if seconds > 0 and 0 <= time.time() - reached < _FORGOTTEN_AFTER_S:
                return seconds, reached
        return float("inf"), 0.0

    def note(self, seconds: float) -> None:
        """Take a probe's time into account."""
        if seconds <= self.seconds * _REACHED:
            self.seconds = min(self.seconds, seconds)
            self._reached = time.time()

    def keep(self) -> None:
        """Write the best down for other processes; whoever cannot write does without."""
        seconds, reached = self._remembered()
        if seconds <= self.seconds and reached >= self._reached:
            return
        best = {"seconds": min(seconds, self.seconds), "reached": max(reached, self._reached)}
        part = self._file.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(best), encoding="utf-8")
            part.replace(self._file)


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line
    return platform.processor()
