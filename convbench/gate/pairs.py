"""A pair of fresh processes, one a side, that measure the same cells in turns.

A process keeps what it was born with: where its memory lies, how its dictionaries hash. That moves
its speed by a percent or so for as long as it lives, and more samples of it cannot average that
out. So the pair of processes is what the statistics count, however many blocks it measured.

Within a pair, a block of one side stands between blocks of the other (ABBA or BAAB, by lot), so
that whatever drifts meets both alike.
"""

import math
import os
import random
from dataclasses import dataclass
from typing import Any

from scipy.stats import trim_mean

from convbench.gate.cells import Cell
from convbench.gate.failure import WorkerError
from convbench.gate.install import SIDES, Installed
from convbench.gate.process import Worker

BLOCK_S = 0.01
BLOCKS_PER_TURN = 4
_TRIMMED = 0.25
_ENOUGH_TURNS = 4
_TRIES = 3
_MOST_CALLS = 100_000
# What a block may take where most of it is not timed.
_MOST_AROUND_S = 0.05
_ORDERS = ((0, 1, 1, 0), (1, 0, 0, 1))
_CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [None]


@dataclass(frozen=True)
class Blocks:
    """What one pair measured of one cell: the seconds of a call, block by block."""

    base_s: tuple[float, ...]
    head_s: tuple[float, ...]
    """As many as `base_s`; two of each make a turn."""
    disturbed: tuple[bool, ...] = ()
    """Of each turn, whether something else took the core meanwhile."""

    @property
    def log_ratio(self) -> float:
        """Logarithm of HEAD's time over BASE's, from the middle half of the turns.

        Turns that something else interrupted are left out, as long as enough others are there.
        """
        base, head = ([math.log(s) for s in side] for side in (self.base_s, self.head_s))
        turns = [
            (head[i] + head[i + 1] - base[i] - base[i + 1]) / 2 for i in range(0, len(base), 2)
        ]
        alone = [turn for turn, bad in zip(turns, self.disturbed, strict=False) if not bad]
        return float(trim_mean(alone if len(alone) >= _ENOUGH_TURNS else turns, _TRIMMED))


@dataclass(frozen=True)
class Skipped:
    """Why a cell cannot be compared: what each side said, None of one that can measure it."""

    base: str | None
    head: str | None


class Pair:
    """Two workers, alive together; one at a time works."""

    def __init__(self, sides: Installed, warm: str, dice: random.Random) -> None:
        self._dice = dice
        self._workers: list[Worker] = []
        order = list(SIDES)
        dice.shuffle(order)
        started: dict[str, Worker] = {}
        try:
            for side in order:
                started[side] = Worker(sides, side, warm, dice)
                self._workers.append(started[side])
            for side in order:
                _answer(started[side])
        except BaseException:
            self.end()
            raise
        self._workers = [started[side] for side in SIDES]

    @property
    def base(self) -> Worker:
        """BASE's worker."""
        return self._workers[0]

    @property
    def head(self) -> Worker:
        """HEAD's worker."""
        return self._workers[1]

    def set_up(self, cell: Cell) -> Skipped | None:
        """Make the cell ready on both sides; say so if one of them skips it."""
        for worker in self._workers:
            worker.ask("set_up", name=cell.benchmark, index=cell.index)
        base, head = (_answer(worker)["skipped"] for worker in self._workers)
        return None if base is head is None else Skipped(base, head)

    def block(
        self, side: int, number: int, core: int | None = None, *, warm: bool = True
    ) -> tuple[float, bool]:
        """Let one side measure `number` calls, on one core if one is named.

        Return the seconds of a call, and whether something else took the core meanwhile.
        """
        found = self._measured(side, number, core, warm=warm)
        return float(found["seconds"]), found["stopped"] > 0

    def _measured(
        self, side: int, number: int, core: int | None = None, *, warm: bool = True
    ) -> dict[str, Any]:
        worker = self._workers[side]
        worker.ask("block", number=number, warm=warm, core=core)
        return _answer(worker)

    def skipped(self) -> Skipped | None:
        """Say so if one side skips the cell that is set up only as it is called."""
        base, head = (self._measured(side, 1).get("skipped") for side in (0, 1))
        return None if base is head is None else Skipped(base, head)

    def around_s(self, number: int) -> float:
        """Return the seconds that a block of `number` calls takes besides what is timed of it."""
        return min(float(self._measured(side, number).get("around_s", 0.0)) for side in (0, 1))

    def calls_per_block(self) -> int:
        """Return how many calls of the cell that is set up fill a block, on either side."""
        number = 1
        while True:
            # A block that something else interrupts says too much: the quickest of several counts.
            tried = [self._measured(side, number) for side in (0, 1) for _ in range(_TRIES)]
            seconds = min(float(found["seconds"]) for found in tried)
            calls = int(min(found["calls"] for found in tried))
            if any(found.get("alone") for found in tried):
                return calls
            number = max(number, calls)
            around_s = min(float(found.get("around_s", 0.0)) for found in tried)
            if number * seconds >= BLOCK_S / 2 and not around_s:
                return max(1, round(BLOCK_S / seconds))
            if around_s + number * seconds >= BLOCK_S / 2:
                # What is made before each call fills it, too: a few calls have to do.
                most = max(BLOCK_S, _MOST_AROUND_S) / (around_s / number + seconds)
                return max(1, min(round(BLOCK_S / seconds) if seconds > 0 else number, round(most)))
            if seconds <= 0 and number > _MOST_CALLS:
                raise WorkerError("its timer stands still")
            number = max(2 * number, math.ceil(BLOCK_S / seconds) if seconds > 0 else 1)

    def measure(self, number: int, turns: int) -> Blocks:
        """Measure the cell that is set up, `turns` times four blocks."""
        taken: tuple[list[float], list[float]] = ([], [])
        disturbed: list[bool] = []
        for side in self._dice.sample((0, 1), 2):
            self.block(side, number)  # what a process does for the first time is not counted
        core = self._dice.choice(_CORES)
        for _ in range(turns):
            stopped = False
            for side in self._dice.choice(_ORDERS):
                seconds, other = self.block(side, number, core, warm=number > 1)
                taken[side].append(seconds)
                stopped |= other
            disturbed.append(stopped)
            # Cores of a shared machine differ from one moment to the next, and a process that
            # sleeps comes back to its own: both sides of a turn get the same one, the next turn
            # any, or any other where this one was shared with something else.
            core = self._dice.choice([c for c in _CORES if c != core or not stopped] or _CORES)
        return Blocks(tuple(taken[0]), tuple(taken[1]), tuple(disturbed))

    def tear_down(self) -> None:
        """Let go of the cell."""
        for worker in self._workers:
            worker.ask("tear_down")
        for worker in self._workers:
            _answer(worker)

    def end(self) -> None:
        """End both processes."""
        for worker in self._workers:
            worker.end()


def _answer(worker: Worker) -> dict[str, Any]:
    try:
        return worker.answer()
    except WorkerError as error:
        raise WorkerError(f"{worker.side.upper()}: {error}") from None
