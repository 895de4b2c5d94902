"""What is learned of a call before it is sampled: how long it takes, and which clock tells."""

import resource
import time
from collections.abc import Callable
from typing import NamedTuple

import torch

from benchmarks.quiet import processor_s, waited_s

Call = Callable[[], object]

FILL_S = 0.002
"""What as many calls as are worth timing together take, at least."""
_SETTLED = 0.97
# A call that takes longer has settled by the second time, and is watched then.
_LONG_S = 10 * FILL_S
_REST_S = 0.01
# Processor time of other threads, of a thread's own, that is no help; and waits in a call that are
# chance.
_HELP = 0.1
# Where the kernel does not count for each thread (macOS), all of the process count.
_OF_THREAD = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)


class Settled(NamedTuple):
    """What is known of a call once it is as fast as it will be."""

    calls: int
    """How many fill `FILL_S`."""
    seconds: float
    """Of one."""
    alone: bool
    """Whether a single thread does the work without waiting, however many there may be."""
    turn: tuple[float, float] | None = None
    """Of a call that takes a turn: its seconds by the clock that counts, and those that threads
    waited for cores."""


def settled(call: Call, patience: float) -> Settled:
    """Call until the seconds of a call no longer fall, or patience is over.

    The first call compiles kernels, or reads them from disk; it says nothing of the next ones,
    which wake threads and fill caches.
    """
    call()
    count, before = 1, float("inf")
    end = time.perf_counter() + patience
    while True:
        watch, start = _Watch(), time.perf_counter()
        for _ in range(count):
            call()
        now = time.perf_counter()
        watch.stop()
        once = max((now - start) / count, 1e-9)
        if now - start >= FILL_S / 2:
            if once > min(_SETTLED * before, _LONG_S) or now > end:
                if count == 1 and once > _LONG_S:
                    # What threads do for some milliseconds after their work is nothing beside it.
                    alone = watch.says_alone(count)
                    turn = (watch.own_s, 0.0) if alone else (now - start, watch.waited_s)
                    return Settled(1, once, alone, turn)
                once = min(once, before)
                calls = max(1, round(FILL_S / once))
                return Settled(calls, once, works_alone(call, calls))
            before = once
        count = max(1, min(round(FILL_S / once), 4 * count))


def works_alone(call: Call, calls: int) -> bool:
    """Whether a single thread does the work without waiting, however many there may be."""
    if torch.get_num_threads() == 1:
        return True
    time.sleep(_REST_S)  # threads of a pool spin for some milliseconds after their work
    watch = _Watch()
    for _ in range(calls):
        call()
    watch.stop()
    return watch.says_alone(calls)


class _Watch:
    """What threads do between its beginning and `stop`, in seconds.

    On a busy machine a thread that works is taken off its core for a while, which is no waiting: it
    does not ask for that.
    """

    def __init__(self) -> None:
        self._begun = _readings()

    def stop(self) -> None:
        """Note what they did."""
        spent = [now - then for now, then in zip(_readings(), self._begun, strict=True)]
        self.waited_s, self.own_s, self._of_all_s, self._asked = spent

    def says_alone(self, calls: int) -> bool:
        """Whether this thread did so many calls alone, and without asking to wait."""
        helped_s = self._of_all_s - self.own_s
        alone = helped_s <= _HELP * self.own_s and self._asked <= _HELP * calls
        return alone or torch.get_num_threads() == 1  # which may ask to wait, for a file say


def _readings() -> tuple[float, ...]:
    return waited_s(), time.thread_time(), processor_s(), _waits()


def _waits() -> int:
    """Count how often this thread has given its core up by itself."""
    return resource.getrusage(_OF_THREAD).ru_nvcsw
