"""Counts of the instructions of the same cells for two commits, held against each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from benchmarks.instructions import Cell as CountedCell

BLIND_SPOTS = (
    "Instructions are counted in one thread, on the AVX2 processor that valgrind emulates: the "
    "count sees neither threads, nor cache misses and memory, nor code for AVX-512, and fewer "
    "instructions can take longer."
)

# Two counts of the same code differ by less (docs/tracking.md says how it was measured).
RELEVANT = 0.02


@dataclass(frozen=True)
class Comparison:
    """One cell's instructions before and after; None where that side cannot do the cell."""

    cell: "CountedCell"
    baseline: int | None
    contender: int | None

    @property
    def ratio(self) -> float | None:
        """The contender's instructions over the baseline's: above 1 is more."""
        if self.baseline is None or self.contender is None:
            return None
        return self.contender / self.baseline

    @property
    def verdict(self) -> str:
        """Say in words what the counts say."""
        if self.ratio is None:
            return "neither has it" if self.baseline == self.contender else "on one side only"
        if abs(self.ratio - 1) <= RELEVANT:
            return "same"
        return "more" if self.ratio > 1 else "fewer"


def _rows(comparisons: Sequence[Comparison]) -> list[tuple[str, ...]]:
    return [
        (
            str(item.cell),
            *(f"{n:,}" if n is not None else "n/a" for n in (item.baseline, item.contender)),
            f"{item.ratio:.4f}" if item.ratio is not None else "n/a",
            item.verdict,
        )
        for item in comparisons
    ]


def print_table(comparisons: Sequence[Comparison], names: tuple[str, str], out: Console) -> None:
    """Print both counts, the ratio, and what neither can see."""
    table = Table(title="instructions of one call")
    table.add_column("cell", no_wrap=True)
    for heading in (*names, "ratio"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for row in _rows(comparisons):
        table.add_row(*row)
    out.print(table)
    out.print(f"[dim]{BLIND_SPOTS}[/dim]", highlight=False)


def markdown(comparisons: Sequence[Comparison], names: tuple[str, str]) -> str:
    """Return the same table for a pull request."""
    lines = [
        f"| instructions of one call | {names[0]} | {names[1]} | ratio | |",
        "| --- | ---: | ---: | ---: | --- |",
        *(f"| {' | '.join(row)} |" for row in _rows(comparisons)),
    ]
    return "\n".join([*lines, "", BLIND_SPOTS, ""])
