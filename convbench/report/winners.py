"""Which method was fastest in each cell, as a table for the terminal."""

import math
from dataclasses import dataclass

from rich.table import Table

from convbench.results.quantities import format_seconds
from convbench.results.store import Record, Run

_CLEAR_RATIO = 2.0
"""Between medians of fewer samples than tell an interval."""
_FEW = 5


@dataclass(frozen=True)
class Winner:
    """The fastest method of one cell, and how it stands to the next."""

    method: str
    time_s: float
    runner_up: str | None
    speedup: float | None
    """Time of the runner-up divided by the winner's, at one pace of the machine.

    None if nothing else was measured.
    """
    tied: bool
    """Whether it and the runner-up are too close to call."""
    unknown: tuple[str, ...] = ()
    """Methods whose time the machine was too busy to tell: one of them may be the fastest."""
    pending: tuple[str, ...] = ()
    """Methods that nobody has measured yet."""

    @property
    def decided(self) -> bool:
        """Whether nothing else that there is can be the fastest."""
        return not (self.tied or self.unknown or self.pending)

    def __str__(self) -> str:
        """Write the cell of the table: the method, its time, and how far ahead it is."""
        time = format_seconds(self.time_s)
        if self.tied or self.unknown or self.speedup is None:
            return f"{self.name}\n{time}"
        return f"{self.name}\n{time} ({self.speedup:.2g}x)"

    @property
    def name(self) -> str:
        """Name the fastest, and whoever may be it."""
        name = f"{self.method} = {self.runner_up}" if self.tied else self.method
        if self.unknown:
            name = f"{self.method}, or {' or '.join(self.unknown)}?"
        return f"{name} so far" if self.pending else name


def _apart(faster: Record, slower: Record) -> bool:
    """Whether neither noise nor the machine's pace can explain that one median is below the other.

    The pace of the faster can only have added to its time.
    """
    intervals = (faster.interval, slower.interval)
    if all(interval is not None and all(map(math.isfinite, interval)) for interval in intervals):
        assert faster.interval is not None
        assert slower.interval is not None
        if faster.interval[1] < slower.leeway * slower.interval[0]:
            return True
        if min(faster.samples or 0, slower.samples or 0) >= _FEW:
            return False
    # A slow cell has two or three samples, of which asv derives an interval that says nothing.
    return slower.leeway * slower.value > _CLEAR_RATIO * faster.value


def winner(records: list[Record]) -> Winner | None:
    """Return the fastest of the records of one cell, or None if all were skipped."""
    # `auto` is one of the others, and would tie with it everywhere.
    rivals = [r for r in records if r.params["method"] != "auto"]
    ranked = sorted((r for r in rivals if not r.skipped), key=lambda record: record.paced)
    if not ranked:
        return None
    waiting = [r for r in rivals if not r.settled]
    unknown = tuple(r.params["method"] for r in waiting if r.disturbed)
    pending = tuple(r.params["method"] for r in waiting if not r.disturbed)
    first, *others = ranked
    # A slower one may be nearer than the next, if the machine was slower for it.
    tied = [other for other in others if not _apart(first, other)]
    second = next(iter(tied or others), None)
    return Winner(
        first.params["method"],
        first.value,
        None if second is None else second.params["method"],
        None if second is None else second.paced / first.paced,
        tied=bool(tied),
        unknown=unknown,
        pending=pending,
    )


def winners(run: Run, benchmark: str) -> dict[tuple[int, int], Winner]:
    """Return the winner for each input and filter size that any method was measured at.

    With all of torch's threads.
    """
    cells: dict[tuple[int, int], list[Record]] = {}
    for record in run.of(benchmark):
        if record.params.get("threads", "all") != "all":
            continue
        cells.setdefault((record.params["input"], record.params["filter"]), []).append(record)
    found = {cell: winner(records) for cell, records in cells.items()}
    return {cell: best for cell, best in found.items() if best is not None}


def winner_lines(best: dict[tuple[int, int], Winner]) -> list[str]:
    """Return what `winner_table` says, a line a cell, for where the table is too wide."""
    return [
        f"input {size}, filter {taps}: {' '.join(str(first).split())}"
        for (size, taps), first in sorted(best.items())
    ]


def winner_table(best: dict[tuple[int, int], Winner], title: str) -> Table:
    """Return the table of winners: a row for each input size, a column for each filter size."""
    filters = sorted({taps for _, taps in best})
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("input", justify="right")
    for taps in filters:
        table.add_column(f"filter {taps}")
    for size in sorted({size for size, _ in best}):
        cells = [str(best[size, taps]) if (size, taps) in best else "-" for taps in filters]
        table.add_row(str(size), *cells)
    return table
