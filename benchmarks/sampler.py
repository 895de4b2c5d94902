"""Sample one call until its samples agree, while the machine is quiet, or decline.

The operands are made anew a few times, since where they lie in memory moves a call's speed. A
machine that is disturbed is waited for, for as long as patience lasts; of one that is slow for good
the windows of its fastest pace are taken, and the cell's time says by how much that is slower than
it can be (`Samples.slowdown`).
"""

import gc
import os
import resource
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from benchmarks import freed_memory, windows
from benchmarks.pace import Pace
from benchmarks.quiet import Counters, Probe, processor_s, read
from benchmarks.windows import PATIENCE_VARIABLE, WINDOW_S, Window, patience_s

Call = Callable[[], object]

_PLACEMENTS = 3
# What a cell's windows take where nothing disturbs it. Longer calls have fewer windows: they cost
# more, and vary less.
_WINDOWS_S = 0.08
_MOST_WINDOWS = 30
_VALUE_WINDOWS = 6
# A window as long as this has met the machine at all of its paces: what the probes beside it say of
# it is an example.
_LONG_S = 0.05
# Without agreement, how many times the windows that were wanted are taken. (On a machine that stays
# slow it is the machine that varies, and more windows do not change that.)
_PATIENT_WINDOWS = 4
# Asking again at once would only ask the same moment.
_PAUSE_S = 0.001
_REST_S = 0.01
_SETTLED = 0.97
# Processor time of other threads, of a thread's own, that is no help; and waits in a call that are
# chance.
_HELP = 0.1
# Where the kernel does not count for each thread (macOS), all of the process count.
_OF_THREAD = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)


class DisturbedError(NotImplementedError):
    """A cell found no quiet moments: nothing is claimed for it.

    asv enters n/a for what raises NotImplementedError while it is set up.
    """


@dataclass(frozen=True)
class Samples:
    """What the sampling of a cell found."""

    seconds: tuple[float, ...]
    """Of one call, each of one window that was kept; the fastest first."""
    counted_s: float
    """Seconds inside windows that count."""
    slowdown: float = 1.0
    """By what factor the machine itself was slower then than it has been seen to be."""


def settled(call: Call, patience: float) -> int:
    """Return how many calls fill a window, once their time no longer falls.

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
        if now - start >= WINDOW_S / 2:
            if once > min(_SETTLED * before, 10 * WINDOW_S) or now > end:
                return max(1, round(WINDOW_S / min(once, before)))
            before = once
        count = max(1, min(round(WINDOW_S / once), 4 * count))


def works_alone(call: Call, calls: int) -> bool:
    """Whether a single thread does the work without waiting, however many there may be.

    On a busy machine a thread that works is taken off its core for a while, which is no waiting: it
    does not ask for that.
    """
    time.sleep(_REST_S)  # threads of a pool spin for some milliseconds after their work
    of_all_s, own_s, asked = processor_s(), time.thread_time(), _times_waited()
    for _ in range(calls):
        call()
    own_s, asked = time.thread_time() - own_s, _times_waited() - asked
    helped_s = processor_s() - of_all_s - own_s
    return torch.get_num_threads() == 1 or (helped_s <= _HELP * own_s and asked <= _HELP * calls)


def _times_waited() -> int:
    """Count how often this thread has given its core up by itself."""
    return resource.getrusage(_OF_THREAD).ru_nvcsw


class Cores:
    """The cores that a single thread may choose among: some are quieter than others."""

    def __init__(self) -> None:
        can = hasattr(os, "sched_setaffinity")
        self._thread = threading.get_native_id()
        self._all = sorted(os.sched_getaffinity(self._thread)) if can else []
        self._turn = 0

    def move(self) -> None:
        """Go to another core."""
        if len(self._all) > 1:
            self._turn += 1
            os.sched_setaffinity(self._thread, {self._all[self._turn % len(self._all)]})

    def leave(self) -> None:
        """Let the kernel choose again."""
        if len(self._all) > 1:
            os.sched_setaffinity(self._thread, self._all)


class Sampler:
    """Takes windows of a cell's call, which `make_call` makes anew for each placement."""

    def __init__(self, make_call: Callable[[], Call]) -> None:
        freed_memory.keep()
        self._make_call = make_call
        self._patience_s = patience_s()
        self._cores = Cores()
        self._windows: list[Window] = []
        self._enough = windows.FEWEST
        self._long = False
        self._placed: list[tuple[Call, int]] = []
        self._place()
        self._one_thread = works_alone(*self._placed[-1])
        self._probe = Probe(one_thread=self._one_thread)
        self._fastest_s = float("inf")
        self._pace = Pace(1 if self._one_thread else torch.get_num_threads())

    @property
    def call(self) -> Call:
        """The call as it was made last."""
        return self._placed[-1][0]

    @property
    def calls(self) -> int:
        """Calls of a window."""
        return self._placed[-1][1]

    def samples(self) -> Samples:
        """Sample until enough windows count and agree, or patience is over.

        Raises
        ------
        DisturbedError
            Too few windows counted; the message says what disturbed the others.
        """
        end = time.perf_counter() + self._patience_s
        wanted = self._look_at_one()
        self._enough = windows.enough(wanted)
        try:
            for number in range(_PATIENT_WINDOWS * wanted):
                if number >= wanted and not self._waits(end) and len(self._kept) >= windows.FEWEST:
                    break
                if number and number % -(-wanted // _PLACEMENTS) == 0:
                    self._place() if len(self._placed) < _PLACEMENTS else self._turn()
                    if number >= wanted and windows.agree(self._kept, wanted):
                        break
                self._windows.append(self._window(end))
            half = self._kept
            if len(half) < windows.FEWEST:
                raise DisturbedError(self._reason())
            pace_s = self._noted()
        finally:
            self._pace.keep()
            self._cores.leave()
        return Samples(
            tuple(w.call_s for w in half),
            sum(w.wall_s for w in self._counting),
            self._pace.slowdown(pace_s),
        )

    def value_s(self) -> float:
        """Return the seconds of one call, from a few windows where the operands lie now.

        For programs that repeat this in many processes, as pyperf does.

        Raises
        ------
        DisturbedError
            Too few windows counted.
        """
        self._windows.clear()
        self._enough = _VALUE_WINDOWS
        end = time.perf_counter() + self._patience_s
        try:
            while len(self._counting) < _VALUE_WINDOWS:
                self._windows.append(self._window(end))
                if self._patience_s and time.perf_counter() > end:
                    break
            half = self._kept
            if not half:
                raise DisturbedError(self._reason())
            self._noted()
        finally:
            self._pace.keep()
            self._cores.leave()
        return half[len(half) // 2].call_s

    def _look_at_one(self) -> int:
        """Return how many windows are enough if all of them count and agree."""
        call, number = self._placed[-1]
        start = time.perf_counter()
        for _ in range(number):
            call()
        window_s = time.perf_counter() - start
        self._long = window_s > _LONG_S
        return min(_MOST_WINDOWS, max(windows.FEWEST, round(_PLACEMENTS * _WINDOWS_S / window_s)))

    @property
    def _counting(self) -> list[Window]:
        if not self._patience_s:
            return self._windows
        # Of the first cell on a machine only its own readings are known.
        best_s = min(self._pace.best_s, self._fastest_s)
        found = windows.at_one_pace(
            self._windows, best_s, self._enough, one_thread=self._one_thread
        )
        if self._long and len(found) < windows.FEWEST:
            return windows.counting(self._windows, one_thread=self._one_thread)
        return found

    @property
    def _kept(self) -> list[Window]:
        return windows.kept(self._counting)

    def _noted(self) -> float:
        """Note what a probe took beside the windows that count, and return it."""
        pace_s = windows.pace_s(self._counting, min(self._pace.best_s, self._fastest_s))
        self._pace.note(pace_s)
        return pace_s

    def _place(self) -> None:
        """Make the operands anew; the ones before are still there, so these are elsewhere."""
        call = self._make_call()
        if self._long:  # a window is one call, whatever it takes here
            call()
            self._placed.append((call, 1))
        else:
            self._placed.append((call, settled(call, self._patience_s)))

    def _turn(self) -> None:
        """Go back to the operands that were made first."""
        self._placed.append(self._placed.pop(0))

    def _read_s(self) -> float:
        found = self._probe.read_s()
        self._fastest_s = min(self._fastest_s, found)
        return found

    def _window(self, end: float) -> Window:
        before_s = self._quiet_s(end)
        call, number = self._placed[-1]
        calls = range(number)
        enabled = gc.isenabled()
        gc.disable()  # as timeit does, and so asv
        try:
            start = read()
            for _ in calls:
                call()
            stop = read()
        finally:
            if enabled:
                gc.enable()
        after_s = self._read_s()
        slower_s = max(before_s, after_s)
        if self._pace.is_met(slower_s):
            self._pace.measured(slower_s)
        return self._made(start, stop, number, slower_s)

    def _made(self, start: Counters, stop: Counters, number: int, probe_s: float) -> Window:
        wall_s = stop.wall_s - start.wall_s
        spent_s = stop.thread_s - start.thread_s if self._one_thread else wall_s
        return Window(
            call_s=spent_s / number,
            wall_s=wall_s,
            share=(stop.cpu_s - start.cpu_s) / wall_s,
            stolen=stop.stolen - start.stolen,
            probe_s=probe_s,
        )

    def _waits(self, end: float) -> bool:
        """Whether the machine's best pace is waited for."""
        return not self._pace.is_slow and time.perf_counter() < end

    def _quiet_s(self, end: float) -> float:
        """Wait for a probe at its best, and return its seconds.

        Where that is not waited for any more, look for it no longer than a window takes.
        """
        begun = time.perf_counter()
        while True:
            start = time.perf_counter()
            found = self._read_s()
            if self._pace.is_met(found):
                return found
            if not self._waits(end) and start - begun >= min(WINDOW_S, self._patience_s):
                return found
            if self._one_thread:
                self._cores.move()
            time.sleep(_PAUSE_S)
            self._pace.waited(time.perf_counter() - start)

    def _reason(self) -> str:
        number, counted = len(self._windows), len(self._counting)
        whole = len(windows.counting(self._windows, one_thread=self._one_thread))
        said = [f"{counted} of {number} samples count"]
        if whole < number:
            said.append(f"{number - whole} were interrupted")
        if counted < whole:
            said.append("others met no pace that lasted")
        return (
            f"disturbed: {', '.join(said)}, in {self._patience_s:g} s "
            f"({PATIENCE_VARIABLE} waits longer)"
        )
