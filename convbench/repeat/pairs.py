"""Pairs of times that should be the same: a cell in two runs, and `auto` beside its method."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

from convbench.repeat.samples import Sample
from convbench.stats.spread import apart

ONE_PACE = 1.04
"""By what factor the machine's paces beside a cell may differ, in two runs, and be one pace: less
than the 5% that the cell's own times are held against. (Two runs of an hour in which a shared Xeon
drifted: of 183 pairs at paces within 6%, 82% were within 5%; of 61 within 4%, 95%.)"""


@dataclass(frozen=True)
class Twice:
    """One cell's time twice, or the times of two cells that are one."""

    cell: str
    other: str
    family: str
    threads: str
    seconds: tuple[float, float]

    @property
    def ratio(self) -> float:
        """The larger over the smaller."""
        return apart(*self.seconds)


def across_runs(samples: Iterable[Sample], *, of_one_pace: bool = True) -> Iterator[Twice]:
    """Yield every cell in every two runs that have a time of it, of one pace or of two."""
    for a, b in _same_cells(samples):
        assert a.seconds is not None
        assert b.seconds is not None
        if (apart(a.slowdown, b.slowdown) <= ONE_PACE) is of_one_pace:
            runs = f"runs {a.run} and {b.run}"
            yield Twice(a.cell, runs, a.family, a.threads, (a.seconds, b.seconds))


def _same_cells(samples: Iterable[Sample]) -> Iterator[tuple[Sample, Sample]]:
    by_cell: dict[tuple[str, str], list[Sample]] = {}
    for sample in samples:
        if sample.seconds is not None:
            by_cell.setdefault((sample.commit, sample.cell), []).append(sample)
    for found in by_cell.values():
        yield from combinations(sorted(found, key=lambda s: s.run), 2)


def beside_method(samples: Iterable[Sample]) -> Iterator[Twice]:
    """Yield `auto` and the method that it takes, in the same run."""
    samples = list(samples)
    times = {(s.commit, s.run, s.cell): s.seconds for s in samples}
    for sample in samples:
        other = (
            None
            if sample.same_as is None
            else times.get((sample.commit, sample.run, sample.same_as))
        )
        if sample.seconds is not None and other is not None and sample.same_as is not None:
            seconds = (sample.seconds, other)
            yield Twice(sample.cell, sample.same_as, sample.family, sample.threads, seconds)
