"""Histories of the cells that have one parameter in common, beside the other cells' histories.

A commit that makes one method slower moves all cells of that method, and none of another. What is
common to all cells of a run (the machine's pace on that day) is no part of the difference between
the two groups, and what moves single cells is less in a mean of many. So a step is seen there that
is lost in the noise of each cell by itself.
"""

import copy
import itertools
import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

#: Cells of a group that are worth looking at: those whose histories follow the group's best.
CELLS = 3
#: Commits on each side of a step that tell whether the group itself is slower.
NEAR = 4

Series = dict[int, float]
"""Logarithms of a cell's values by commit."""


@dataclass(frozen=True)
class Contrast:
    """A group's history beside the other cells', and by itself."""

    graph: Any
    """asv's graph, in which the group's cells have the history beside the others'."""
    own: Series
    """The mean of the group's cells, as measured."""

    def goes_up(self, commit: int, threshold: float) -> bool:
        """Whether the group itself is slower from a commit on, and not the others faster."""
        before = [value for at, value in self.own.items() if at < commit][-NEAR:]
        after = [value for at, value in self.own.items() if at >= commit][:NEAR]
        return statistics.median(after) - statistics.median(before) > math.log1p(threshold)


def groups_of(benchmark: Any) -> Iterator[set[int]]:
    """Yield the cells, by number, that have one value of one parameter in common."""
    params = benchmark.get("params") or []
    cells = list(itertools.product(*params))
    for axis, values in enumerate(params):
        for value in values:
            group = {number for number, cell in enumerate(cells) if cell[axis] == value}
            if 1 < len(group) < len(cells):
                yield group


def contrasts(graph: Any, benchmark: Any) -> Iterator[Contrast]:
    """Yield each group whose history can be told from the others'.

    Parameters
    ----------
    graph, benchmark
        asv's.
    """
    data = graph.get_data()
    if graph.scalar_series or not data:
        return
    commits = [commit for commit, *_ in data]
    columns = zip(*(values for _, values, _ in data), strict=True)
    logs = {n: own for n, column in enumerate(columns) if (own := _logs(commits, column))}
    level = {n: statistics.median(own.values()) for n, own in logs.items()}
    about = {n: {at: value - level[n] for at, value in own.items()} for n, own in logs.items()}
    for group in groups_of(benchmark):
        inside, outside = about.keys() & group, about.keys() - group
        if len(inside) < 2 or not outside:
            continue
        own, others = (_mean(commits, [about[n] for n in cells]) for cells in (inside, outside))
        beside = {commit: own[commit] - others[commit] for commit in own if commit in others}
        following = sorted(inside, key=lambda n: _distance(about[n], beside))[:CELLS]
        yield Contrast(_drawn(graph, beside, {n: level[n] for n in following}), own)


def _logs(commits: Sequence[int], values: Sequence[float | None]) -> Series:
    return {
        commit: math.log(value)
        for commit, value in zip(commits, values, strict=True)
        if value is not None and 0 < value < math.inf
    }


def _mean(commits: Iterable[int], cells: Sequence[Series]) -> Series:
    """Return the mean of cells, by commit, where they have values."""
    values = {commit: [own[commit] for own in cells if commit in own] for commit in commits}
    return {commit: statistics.mean(found) for commit, found in values.items() if found}


def _distance(own: Series, common: Series) -> float:
    apart = [own[commit] - common[commit] for commit in own.keys() & common.keys()]
    return statistics.pstdev(apart) if apart else math.inf


def _drawn(graph: Any, history: Series, levels: dict[int, float]) -> Any:
    """Return a graph in which cells have one history, each about its own level, and others none."""
    drawn = copy.copy(graph)
    drawn._steps = None
    drawn.data_points = {
        commit: [[
            math.exp(levels[n] + value) if n in levels else None for n in range(graph.n_series)
        ]]
        for commit, value in history.items()
    }  # fmt: skip
    drawn.data_weights = {commit: [[None] * graph.n_series] for commit in history}
    return drawn
