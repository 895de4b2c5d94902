"""Sample the calls of cells in turns, round after round, until each cell's samples agree.

A machine that others use is fast and slow by turns, for seconds or minutes. A cell that is sampled
in one go has met one of these moments, and the next cell another. Cells that take turns meet all of
them together: what is measured in one process is compared fairly, and the longer it takes, the less
two processes differ. What a slow hour does to all of them is seen by work that is known, which
takes turns with them (`Samples.slowdown`).
"""

import gc
import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch

import fftconv
from benchmarks import freed_memory, turns
from benchmarks.pace import Pace
from benchmarks.quiet import known_work, size_like, waited_s
from benchmarks.settling import Call, settled
from benchmarks.turns import PATIENCE_VARIABLE, TURN_S, patience_s

# Where operands lie in memory moves a call's speed, and a process keeps its layout for life: so
# there are some of them, which calls take in turns; for calls of a turn's length, of which there
# are few, that would take as long as measuring them.
_PLACEMENTS = 3
# What is timed at once takes this long at least: reading a processor's clock takes a quarter of a
# microsecond.
_READING_S = 20e-6
# The seconds that the usual turns of a cell take together where calls are long: those have fewer,
# since they cost more and vary less.
_TURNS_S = 1.0
_VALUE_TURNS = 6
# Without agreement, how many times the turns that were wanted are taken. (On a machine that stays
# slow it is the machine that varies, and more turns do not change that.)
_PATIENT_TURNS = 2
# A round of few cells is followed by a rest, so that no cell is sampled in one moment of a machine.
_ROUND_S = 0.2
# What brings caches and threads back to a cell at the start of its turn, where its calls are short.
_WARMING_S = 0.005
# What is looked at for whether threads had their cores: looking takes some dozen microseconds.
_STRETCH_S = 0.002


class DisturbedError(NotImplementedError):
    """The turns of a cell do not agree: nothing is claimed for it.

    asv enters n/a for what raises NotImplementedError while it is set up.
    """


@dataclass(frozen=True)
class Samples:
    """What the sampling of a cell found."""

    seconds: tuple[float, ...]
    """Of one call, each of one turn that was kept; the fastest first."""
    slowdown: float = 1.0
    """By what factor the machine itself was slower then than it has been seen to be."""


class Cell:
    """A call that takes turns with others; `make_call` makes it anew for each placement."""

    def __init__(self, make_call: Callable[[], Call], threads: int | None = None) -> None:
        freed_memory.keep()
        _ask_for_all_threads()
        self._threads = torch.get_num_threads() if threads is None else threads
        torch.set_num_threads(self._threads)
        self._patience_s = patience_s()
        self._placed = [make_call()]
        known = settled(self.call, self._patience_s)
        self.calls, self._call_s, self._alone = known.calls, known.seconds, known.alone
        while self._call_s < TURN_S and len(self._placed) < _PLACEMENTS:
            self._placed.append(make_call())
            self.call()
        together = max(1, round(_READING_S / self._call_s))
        calls = itertools.cycle(self._placed)
        self._batches = [tuple(itertools.islice(calls, together)) for _ in self._placed]
        turn_s = max(TURN_S, self._call_s)
        wanted = turns.wanted()
        enough_s = _TURNS_S * wanted / turns.TURNS
        self.wanted = min(wanted, max(turns.FEWEST, round(enough_s / turn_s)))
        """Turns that it gets if nothing disturbs them."""
        self.turns_s = self.wanted * turn_s
        """What its turns take together, about."""
        self.kind = (1 if self._alone else self._threads, size_like(self._call_s))
        """By which known work the machine's pace is seen: its threads and its size."""
        # Of one thread the processor's time counts: it stands still while others have the core.
        self._clock = time.thread_time if self._alone else time.perf_counter
        self.slowdown = 1.0
        self._taken = 0
        self._turns: list[float] = []
        if known.turn is not None:
            self._take([known.turn[0]] if self._had_cores(*known.turn) else [])

    @property
    def call(self) -> Call:
        """The call as it was made last."""
        return self._placed[-1]

    def turn(self) -> None:
        """Work for a while, and note what a call took."""
        torch.set_num_threads(self._threads)
        if self._call_s < _WARMING_S:
            for call in self._placed:
                call()
        taken: list[float] = []
        batches = itertools.cycle(self._batches)
        enabled = gc.isenabled()
        gc.disable()  # as timeit does, and so asv
        try:
            waited, start = self._waited_s(), time.perf_counter()
            end = start + TURN_S
            while start < end:
                some = self._stretch(batches, start + _STRETCH_S)
                elapsed_s = time.perf_counter() - start
                before, waited = waited, self._waited_s()
                if self._had_cores(elapsed_s, waited - before):
                    taken += some
                start = time.perf_counter()
        finally:
            if enabled:
                gc.enable()
        self._take(taken)

    def _take(self, taken: Sequence[float]) -> None:
        """Count a turn, of these calls if there are any that count."""
        self._taken += 1
        if taken:
            self._turns.append(turns.quick_s(taken))

    def _had_cores(self, elapsed_s: float, waited: float) -> bool:
        # Without patience all that comes counts.
        return not self._patience_s or turns.had_cores(elapsed_s, waited)

    def _stretch(self, batches: Iterator[tuple[Call, ...]], end: float) -> list[float]:
        """Work until a moment, once at least, and return what calls took."""
        clock, taken = self._clock, []
        while True:
            batch = next(batches)
            begun = clock()
            for call in batch:
                call()
            taken.append((clock() - begun) / len(batch))
            if time.perf_counter() >= end:
                return taken

    def _waited_s(self) -> float:
        # A thread's own time stands still while it waits; without patience nobody asks.
        return waited_s() if self._patience_s and not self._alone else 0.0

    def has_enough(self, *, over: bool) -> bool:
        """Whether no more turns are needed; or allowed, if the time for them is `over`."""
        if self._taken < self.wanted:
            return over and self._taken >= turns.FEWEST
        if over or not self._patience_s or self._taken >= _PATIENT_TURNS * self.wanted:
            return True
        return not self._lacked_cores and turns.agree(self.kept)

    @property
    def kept(self) -> list[float]:
        """What a call took in the faster half of the turns so far in which it had its cores."""
        return turns.kept(self._turns)

    @property
    def _lacked_cores(self) -> bool:
        """Whether threads waited for a core in most of the turns that were taken, or wanted."""
        return 2 * len(self._turns) < min(self._taken, self.wanted)

    def samples(self) -> Samples:
        """Return what the turns say.

        Raises
        ------
        DisturbedError
            They are too far apart.
        """
        half = self.kept
        if self._patience_s and (doubt := self._doubt(half)):
            raise DisturbedError(
                f"disturbed: {doubt} after {self._patience_s:g} s "
                f"({PATIENCE_VARIABLE} waits longer)"
            )
        return Samples(tuple(half), self.slowdown)

    def _doubt(self, half: Sequence[float]) -> str:
        number = len(self._turns)
        if self._lacked_cores:
            lacking = self._taken - number
            return f"in {lacking} of {self._taken} samples threads waited for a core"
        if turns.disagree(half):
            return f"{number} samples leave {turns.error(half):.0%} of doubt"
        return ""

    def value_s(self) -> float:
        """Return the seconds of one call, of a few turns where the operands lie now.

        For programs that repeat this in many processes, as pyperf does.

        Raises
        ------
        DisturbedError
            The turns are too far apart.
        """
        self._turns.clear()
        self._taken = 0
        for _ in range(_VALUE_TURNS):
            self.turn()
        seconds = self.samples().seconds
        return seconds[len(seconds) // 2]


def _ask_for_all_threads() -> None:
    """Have no call do without a thread that came late: what it takes with all of them is asked."""
    set_longest_rest = getattr(fftconv, "set_longest_rest", None)
    if set_longest_rest is not None:  # commits before it are measured, too
        set_longest_rest(0)


def sample(cells: Sequence[Cell]) -> None:
    """Let cells take turns until each has enough of them, or patience with all is over.

    The order is drawn by lot in each round: what a call leaves behind in caches and threads is not
    to meet the same one each time.
    """
    patience = patience_s()
    end = time.perf_counter() + patience * len(cells)
    dice = random.Random(0)
    known = {kind: Cell(partial(known_work, kind[1]), kind[0]) for kind in {c.kind for c in cells}}
    everyone = [*cells, *known.values()]
    left = everyone
    while left:
        begun = time.perf_counter()
        for cell in dice.sample(everyone, len(everyone)):
            if cell in left or cell in known.values():  # the known work sees each round
                cell.turn()
        now = time.perf_counter()
        is_over = patience > 0 and now > end
        left = [cell for cell in left if not cell.has_enough(over=is_over)]
        if left and patience:
            time.sleep(max(0.0, min(begun + _ROUND_S, end) - now))
    for kind, cell in known.items():
        if not cell.kept:
            continue  # it never had its cores, and so had no cell of as many threads
        known_s = cell.kept[len(cell.kept) // 2]
        pace = Pace(*kind)
        pace.note(known_s)
        pace.keep()
        for other in cells:
            if other.kind == kind:
                other.slowdown = pace.slowdown(known_s)
