"""What is learned of a call before it is sampled: how long it takes, and which clock tells."""

import resource
import time
from collections.abc import Callable

import torch

from benchmarks.quiet import processor_s

Call = Callable[[], object]

FILL_S = 0.002
"""What as many calls as are worth timing together take, at least."""
_SETTLED = 0.97
_REST_S = 0.01
# Processor time of other threads, of a thread's own, that is no help; and waits in a call that are
# chance.
_HELP = 0.1
# Where the kernel does not count for each thread (macOS), all of the process count.
_OF_THREAD = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)


def settled(call: Call, patience: float) -> tuple[int, float]:
    """Return how many calls fill `FILL_S`, and one's seconds, once these no longer fall.

    The first call compiles kernels, or reads them from disk; it says nothing of the next ones,
    which wake threads and fill caches.
    """
    call()
    count, before = 1, float("inf")
    end = time.perf_counter() + patience
    while True:
        start = time.perf_counter()
        for _ in range(count):
            call()
        now = time.perf_counter()
        once = max((now - start) / count, 1e-9)
        if now - start >= FILL_S / 2:
            if once > min(_SETTLED * before, 10 * FILL_S) or now > end:
                once = min(once, before)
                return max(1, round(FILL_S / once)), once
            before = once
        count = max(1, min(round(FILL_S / once), 4 * count))


def works_alone(call: Call, calls: int) -> bool:
    """Whether a single thread does the work without waiting, however many there may be.

    On a busy machine a thread that works is taken off its core for a while, which is no waiting: it
    does not ask for that.
    """
    if torch.get_num_threads() == 1:
        return True
    time.sleep(_REST_S)  # threads of a pool spin for some milliseconds after their work
    of_all_s, own_s, asked = processor_s(), time.thread_time(), _times_waited()
    for _ in range(calls):
        call()
    own_s, asked = time.thread_time() - own_s, _times_waited() - asked
    helped_s = processor_s() - of_all_s - own_s
    return helped_s <= _HELP * own_s and asked <= _HELP * calls


def _times_waited() -> int:
    """Count how often this thread has given its core up by itself."""
    return resource.getrusage(_OF_THREAD).ru_nvcsw
