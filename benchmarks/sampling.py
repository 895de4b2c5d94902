"""How asv gets a cell's samples: `benchmarks.sampler` takes them, asv reads them off its timer.

asv times a benchmark that has a `setup` with one call to a sample, the first one included, and
stops by a number or by the clock. A call of microseconds measured so is mostly clock and cold
caches, and nobody looks whether something else had the core. So the samples are taken while the
cell is set up, and the benchmark's body moves the clock that asv reads by one of them.
"""

import sys
import time
from collections.abc import Callable
from functools import partial

from benchmarks import together
from benchmarks.sampler import Cell
from benchmarks.settling import Call
from benchmarks.threads import keep_to_quota
from benchmarks.turns import SLOWDOWN

ALL_THREADS = keep_to_quota()
"""What torch uses unless it is told otherwise: OMP_NUM_THREADS, or the cores that it may have."""


def threads(value: object) -> int:
    """Return the number of threads that a benchmark's parameter `threads` means."""
    return ALL_THREADS if value == "all" else int(str(value))


class Sampled:
    """Base of asv classes whose `time_` methods call `self.sample()` after `self.prepare(...)`.

    It defines no `time_` method itself: asv would find that in every module that imports it.
    """

    # A result's meaning changes with the cell's work alone, which `version` counts. (asv would
    # otherwise hash the source of the method and drop the history at every rewording.)
    version = "5"
    timeout = 7200.0  # the first cell of a part takes the samples of all of its cells
    warmup_time = 0.0
    number = 1
    rounds = 1  # cells take many turns as it is; who asks asv for more rounds gets new samples
    repeat: object = (1, 1, 1.0)

    turns = False
    """Whether somebody else decides when this cell works, and for how many calls (`take`)."""

    _prepared: object = None
    _made: Cell | None = None
    _calls: range | None = None
    _left: list[float]
    _make: Callable[[], Cell]
    _clock_s = 0.0

    def __init__(self) -> None:
        self._left = []

    def prepare(
        self, key: object, make_call: Callable[[], Call], number_of_threads: object = "all"
    ) -> None:
        """Make a cell ready, and sample it; asv's setup comes here before every sample.

        Raises
        ------
        benchmarks.sampler.DisturbedError
            The machine was not quiet: asv enters n/a.
        """
        if self._prepared == key:
            return
        self._left, self._made, self._calls = [], None, None
        self._make = partial(Cell, make_call, threads(number_of_threads))
        self.name = f"{type(self).__module__}.{type(self).__qualname__} {key!r}"
        if self.turns:
            self._made = self._make()
        else:
            found = together.samples(self)
            # asv keeps no remark of a cell's; its plugin reads this line (convbench's `keeping`).
            print(f"{SLOWDOWN}{found.slowdown:.2f}", file=sys.stderr, flush=True)
            # Whoever takes one sample alone takes the median.
            middle = len(found.seconds) // 2
            self._left = [*found.seconds[middle:], *found.seconds[:middle]]
            self.repeat = (len(self._left), len(self._left), 0.0)
        self._prepared = key

    @property
    def made(self) -> Cell:
        """The cell with its operands: whoever only hands samples over needs none."""
        if self._made is None:
            self._made = self._make()
        return self._made

    @property
    def call(self) -> Call:
        """What the cell measures."""
        return self.made.call

    def take(self, count: int) -> None:
        """Make a sample this many calls, where two commits are to make as many as each other."""
        self._calls = range(count)

    def timer(self) -> float:
        """Return seconds that pass only while samples are handed over or made."""
        return self._clock_s

    def sample(self) -> None:
        """Run one sample's worth of calls, or hand over one that was taken."""
        if self._left:
            self._clock_s += self._left.pop(0)
            return
        call, calls = self.call, self._calls or range(self.made.calls)
        start = time.perf_counter()
        for _ in calls:
            call()
        self._clock_s += (time.perf_counter() - start) / len(calls)
