"""Where the lead passes from one method to the next as the filter grows."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from convbench.report.winners import Winner, winner
from convbench.results.grid import AUTO, Grid, Place

NATIVE = "native"


@dataclass(frozen=True)
class Crossing:
    """Between two neighbouring filter sizes of one image, another method becomes the fastest."""

    before: str
    after: str
    between: tuple[int, int]
    filter_size: float
    """Where the two take equally long: times interpolated, times and sizes as logarithms."""
    sure: bool
    """Whether the noise cannot explain either of the two wins."""

    @property
    def share(self) -> float:
        """How far `filter_size` lies from the smaller neighbour to the larger, 0 to 1."""
        left, right = self.between
        return math.log(self.filter_size / left) / math.log(right / left)

    def __str__(self) -> str:
        """Write it in a line, with a question mark where noise can explain it."""
        mark = "" if self.sure else "?"
        return f"{self.before} > {self.after} at {self.filter_size:.0f}{mark}"


@dataclass(frozen=True)
class Standing:
    """How the methods stand to each other at one place."""

    place: Place
    winner: Winner | None
    """None where every method was skipped."""
    speedup_over_native: float | None
    """None where native was not measured."""
    auto_ratio: float | None
    """Time of `auto` divided by the winner's, None where it was not measured."""


def standing(place: Place) -> Standing:
    """Rank the methods at one place. `auto` is one of the others and takes no rank."""
    best = winner([record for record in place.times() if record.params["method"] != AUTO])
    if best is None:
        return Standing(place, None, None, None)
    fastest_s = place.methods[best.method].paced_s
    assert fastest_s is not None
    native_s, auto_s = (
        place.methods[name].paced_s if name in place.methods else None for name in (NATIVE, AUTO)
    )
    return Standing(
        place,
        best,
        None if native_s is None else native_s / fastest_s,
        None if auto_s is None else auto_s / fastest_s,
    )


def _crossing_size(left: Place, right: Place, before: str, after: str) -> float:
    """Return the filter size at which `before` and `after` take equally long."""
    lags = []  # of `after` behind `before`, as logarithms: positive left, negative right
    for place in (left, right):
        times = [place.methods[m].paced_s if m in place.methods else None for m in (before, after)]
        if times[0] is None or times[1] is None:
            # One of them was too slow to be measured there: the middle is all that is known.
            return math.sqrt(left.filter_size * right.filter_size)
        lags.append(math.log(times[1] / times[0]))
    share = lags[0] / (lags[0] - lags[1]) if lags[0] != lags[1] else 0.5
    return math.exp((1 - share) * math.log(left.filter_size) + share * math.log(right.filter_size))


def crossings(standings: Iterable[Standing]) -> list[Crossing]:
    """Return the changes of the lead along one row, given by growing filter size."""
    found = []
    known = [(s.place, s.winner) for s in standings if s.winner is not None]
    for (left, a), (right, b) in pairwise(known):
        if a.method == b.method:
            continue
        size = _crossing_size(left, right, a.method, b.method)
        ends = (left.filter_size, right.filter_size)
        found.append(Crossing(a.method, b.method, ends, size, a.decided and b.decided))
    return found


def changes_text(grid: Grid, row: str, separator: str) -> str:
    """Write where the lead changes along one row."""
    standings = row_standings(grid, row)
    if sum(shown.winner is not None for shown in standings) < 2:
        return "one filter size only"
    return separator.join(map(str, crossings(standings))) or "never"


def lines(grid: Grid) -> dict[tuple[str, str], list[tuple[float, float, Crossing]]]:
    """Return the crossings of each pair of methods as points of the map, from top to bottom.

    A point's x counts columns and its y rows: (0.5, 0.5) is the centre of the first cell.
    """
    found: dict[tuple[str, str], list[tuple[float, float, Crossing]]] = {}
    column = {taps: index for index, taps in enumerate(grid.filters)}
    for index, row in enumerate(grid.rows):
        for crossing in crossings(row_standings(grid, row)):
            left, right = (column[taps] for taps in crossing.between)
            x = left + crossing.share * (right - left) + 0.5
            pair = (crossing.before, crossing.after)
            found.setdefault(pair, []).append((x, index + 0.5, crossing))
    return found


def row_standings(grid: Grid, row: str) -> list[Standing]:
    """Return how the methods stand for one image, by growing filter size."""
    return [standing(grid.places[row, k]) for k in grid.filters if (row, k) in grid.places]
