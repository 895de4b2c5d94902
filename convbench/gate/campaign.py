"""The whole measurement: pair after pair until every cell is decided or the budget is spent."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from convbench.command_line.progress import Announce
from convbench.gate.cells import Cell
from convbench.gate.failure import InconclusiveError, WorkerError
from convbench.gate.install import SIDES, Installed
from convbench.gate.pairs import BLOCK_S, BLOCKS_PER_TURN, Blocks, Pair, Skipped
from convbench.stats.judging import Course, Judgement, Verdict
from convbench.stats.rules import Rules

# A pair costs three seconds before it measures anything: much less would be a waste of them,
# much more too, since pairs differ however long each is measured.
_CELL_S = 2.0
_LEAST_TURNS = 2
# Fewer pairs than this decide little, so pairs of many cells are made short enough for as many.
_PAIRS_WANTED = 16
# A pair may take somewhat longer than the one before.
_PAIR_MARGIN = 1.15

# asv: benchmark to its axes, each value as its repr.
Catalogue = dict[str, list[list[str]]]


@dataclass
class Row:
    """One cell with everything that is known of it."""

    cell: Cell
    calls: int = 1
    """Calls of a block."""
    call_s: float = 0.0
    blocks: list[Blocks] = field(default_factory=list)
    judgement: Judgement | None = None
    verdict: Verdict | None = None
    """None while it is open."""
    note: str = ""
    around_s: float = 0.0
    """What a block takes besides what is timed of it, such as setting up again."""


@dataclass
class Campaign:
    """The rows, and how the pairs went."""

    rules: Rules
    budget_s: float
    seed: int
    began_s: float = field(default_factory=time.monotonic)
    """By the monotonic clock: the budget counts from here."""
    rows: list[Row] = field(default_factory=list)
    pair_s: list[float] = field(default_factory=list)
    """How long each pair took, its processes' start included."""
    interrupted: bool = False
    _ended_s: float | None = None

    @property
    def open(self) -> list[Row]:
        """The rows that are not decided."""
        return [row for row in self.rows if row.verdict is None]

    @property
    def elapsed_s(self) -> float:
        """Seconds since the gate began, or that it took."""
        return (self._ended_s or time.monotonic()) - self.began_s

    @property
    def ended(self) -> bool:
        """Whether measuring is over."""
        return self._ended_s is not None

    def begin(self) -> None:
        """Have the budget count from now on."""
        self.began_s = time.monotonic()

    def end(self) -> None:
        """Stop the clock, if it runs."""
        self._ended_s = self._ended_s or time.monotonic()


def start(sides: Installed, module: str, dice: random.Random) -> Pair:
    """Start a pair that has imported a module.

    Raises
    ------
    InconclusiveError
        A side cannot even be imported.
    """
    try:
        return Pair(sides, module, dice)
    except WorkerError as error:
        raise InconclusiveError(str(error)) from None


def catalogue(pair: Pair) -> dict[str, Catalogue]:
    """Return the timed benchmarks that asv finds on each side.

    Raises
    ------
    InconclusiveError
        The benchmarks cannot be imported with a side's package.
    """
    try:
        workers = zip(SIDES, (pair.base, pair.head), strict=True)
        return {side: worker.do("catalogue")["benchmarks"] for side, worker in workers}
    except WorkerError as error:
        raise InconclusiveError(f"the benchmarks cannot be listed: {error}") from None


def _note_skip(row: Row, skipped: Skipped) -> None:
    if skipped.base is None:
        row.verdict, row.note = Verdict.ONE_SIDED, f"BASE only; HEAD: {skipped.head}"
    elif skipped.head is None:
        row.verdict, row.note = Verdict.ONE_SIDED, f"HEAD only; BASE: {skipped.base}"
    else:
        row.verdict, row.note = Verdict.SKIPPED, skipped.head


def _each(
    pair: Pair | None,
    start_pair: Callable[[list[Row]], Pair],
    rows: list[Row],
    act: Callable[[Pair, Row], Skipped | None],
) -> None:
    """Set every row's cell up in one fresh pair, and act on it, unless a side skips the cell.

    A cell that breaks its worker ends the pair; the others go on in another one.
    """
    left = list(rows)
    while left:
        pair = pair or start_pair(left)
        try:
            while left:
                row = left.pop()
                try:
                    skipped = pair.set_up(row.cell) or act(pair, row)
                    if skipped is None:
                        pair.tear_down()
                    else:
                        _note_skip(row, skipped)
                except WorkerError as error:
                    row.verdict, row.note = Verdict.FAILED, str(error)
                    break
        finally:
            pair.end()
            pair = None


def _try_out(pair: Pair, row: Row) -> Skipped | None:
    if (skipped := pair.skipped()) is not None:
        return skipped
    row.calls = pair.calls_per_block()
    row.call_s = min(pair.block(side, row.calls)[0] for side in (0, 1, 0, 1))
    row.around_s = pair.around_s(row.calls)
    return None


def _turns(row: Row, cell_s: float) -> int:
    block_s = max(BLOCK_S, row.call_s) + row.around_s
    return max(_LEAST_TURNS, round(cell_s / (BLOCKS_PER_TURN * block_s)))


def measure(campaign: Campaign, sides: Installed, first: Pair, announce: Announce) -> None:
    """Fill the campaign's rows until all are decided or its time is over.

    `first`, which has listed the benchmarks, tries the cells out: what it takes to fill a block,
    which side skips them, and whatever happens once, such as compiling a kernel.
    """
    dice = random.Random(campaign.seed)

    def start_pair(rows: list[Row]) -> Pair:
        return start(sides, sides.module(rows[-1].cell.benchmark), dice)

    announce("trying the cells out")
    _each(first, start_pair, campaign.open, _try_out)
    compared = campaign.open
    courses = {row.cell: Course(campaign.rules, len(compared)) for row in compared}
    end = campaign.began_s + campaign.budget_s
    start_s = 0.0
    while rows := campaign.open:
        before = time.monotonic()
        announce(f"pair {len(campaign.pair_s) + 1}, {len(rows)} of {len(campaign.rows)} cells open")
        wanted = max(1, _PAIRS_WANTED - len(campaign.pair_s))
        cell_s = min(_CELL_S, max(0.0, (end - before) / wanted - start_s) / len(rows))

        def act(pair: Pair, row: Row, cell_s: float = cell_s) -> Skipped | None:
            row.blocks.append(pair.measure(row.calls, _turns(row, cell_s)))
            courses[row.cell].log_ratios.append(row.blocks[-1].log_ratio)
            return None

        pair = start_pair(rows)
        start_s = time.monotonic() - before
        _each(pair, start_pair, dice.sample(rows, len(rows)), act)
        now = time.monotonic()
        campaign.pair_s.append(now - before)
        final = end - now < _PAIR_MARGIN * campaign.pair_s[-1]
        gone = (now - campaign.began_s) / campaign.budget_s
        for row in campaign.open:
            found = courses[row.cell].look(gone, final=final)
            if found is not None:
                row.judgement, row.verdict = found, found.verdict
