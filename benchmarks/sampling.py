"""How a cell is sampled: enough calls to a sample that the clock does not matter.

asv times a benchmark that has a `setup` with one call to a sample, since it sets up anew before
each. A call of a few microseconds measured so is mostly clock and cold caches. Here the
benchmark's body makes several calls, as many as fill `SAMPLE_TIME_S`, and its timer runs slower
by that factor, so that asv records the seconds of one call.
"""

import time
from collections.abc import Callable

SAMPLE_TIME_S = 0.02


def calls_per_sample(call: Callable[[], object]) -> int:
    """Return how many calls fill a sample. Trying it out warms the call up, too."""
    count = 1
    while True:
        start = time.perf_counter()
        for _ in range(count):
            call()
        elapsed = time.perf_counter() - start
        if elapsed >= SAMPLE_TIME_S / 4:
            return max(1, round(count * SAMPLE_TIME_S / elapsed))
        count *= 2


class Sampled:
    """Base of asv classes whose `time_` methods call `self.sample()` after `self.prepare(...)`.

    It defines no `time_` method itself: asv would find that in every module that imports it.
    """

    # A result's meaning changes with the cell's work alone, which `version` counts. (asv would
    # otherwise hash the source of the method and drop the history at every rewording.)
    version = "1"
    timeout = 120.0
    # From 2 samples to 15, stopping after a quarter of a second; `prepare` has warmed up.
    repeat = (2, 15, 0.25)
    warmup_time = 0.0
    number = 1

    _prepared: object = None

    def prepare(self, key: object, make_call: Callable[[], Callable[[], object]]) -> None:
        """Make ready to sample; asv's setup may come here before every sample, so once a key."""
        if self._prepared == key:
            return
        self.call = make_call()
        self.take(calls_per_sample(self.call))
        self._prepared = key

    def take(self, count: int) -> None:
        """Make a sample this many calls, where two commits are to make as many as each other."""
        self._calls = range(count)
        self.timer = lambda: time.perf_counter() / count

    def sample(self) -> None:
        """Run one sample's worth of calls."""
        call = self.call
        for _ in self._calls:
            call()
