"""Which commit made a cell slower, found by the gate alone: the history's ends, then its halves.

On a noisy machine a history does not say where its steps are, and a step that is fitted one commit
too early is measured where nothing happened. The gate compares two commits within a percent or two
whenever it is asked. So for the cells whose histories go up most, it is asked about the oldest and
the newest commit; if that says slower, about the oldest and the one half way, and so on to a commit
and the one before it, as `git bisect` does. What is to be asked next follows from what was found
so far, so a search goes on wherever it was left.
"""

import itertools
import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Container, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from convbench.confirm.findings import Finding
from convbench.confirm.steps import State

#: Cells of one machine that are looked at so: each takes the gate most of a minute a question.
CELLS = 4
#: Measured commits that a search goes back.
COMMITS = 16
#: Of fewer, asv's steps and those of a lower penalty leave out none.
LEAST_COMMITS = 4


class History(Protocol):
    """What is to be known of the graphs' histories."""

    def place(self, graph_path: str) -> Hashable:
        """Return what tells machines apart, and the settings that they measured under."""

    def start(self, graph: Any, benchmark: Any, cell: str) -> int | None:
        """Return the first commit that counts; None if nobody asks for steps of the cell."""

    def found(self, graph_path: str, cell: str, before: int, after: int) -> Finding | None:
        """Return what the gate found of a cell between two commits."""

    def are_neighbours(self, before: int, after: int) -> bool:
        """Whether no commit lies between two."""


@dataclass(frozen=True)
class Rising:
    """A cell whose history goes up."""

    graph: Any
    """asv's graph."""
    number: int | None
    """Which of its cells; None where it has one."""
    name: str
    values: dict[int, float]
    """By commit, oldest first."""
    rise: float
    """Logarithm of the later half's level over the earlier one's, beside the other cells'."""

    @property
    def path(self) -> str:
        """The graph's, as asv's list of regressions has it."""
        return f"{self.graph.path}.json"


def question(
    commits: Sequence[int], found: Callable[[int, int], Finding | None]
) -> tuple[int, int] | None:
    """Return the two commits to compare next, or those that were compared last.

    Parameters
    ----------
    commits
        Of a history, oldest first.
    found
        What the gate found between two of them.

    Returns
    -------
    tuple of int or None
        None if there is nothing to look for, or the gate cannot say where.

    Examples
    --------
    >>> question([3, 4, 8, 9], lambda before, after: None)
    (3, 9)
    """
    low, high = 0, len(commits) - 1
    whole = found(commits[low], commits[high])
    if whole is None:
        return commits[low], commits[high]
    if whole.state is not State.CONFIRMED or whole.ratio is None:
        return None
    ratio = whole.ratio
    while high - low > 1:
        middle = (low + high) // 2
        half = found(commits[low], commits[middle])
        if half is None:
            return commits[low], commits[middle]
        if half.ratio is None:
            return None
        if half.ratio > math.sqrt(ratio):
            high, ratio = middle, half.ratio
        else:
            low, ratio = middle, ratio / half.ratio
    return commits[low], commits[high]


def searched(
    graphs: Iterable[tuple[Any, Any]],
    params: dict[str, Any],
    history: History,
    left_out: Container[tuple[str, str]] = (),
) -> list[Any]:
    """Return the steps that searches have come to, as asv's list of regressions has them.

    Parameters
    ----------
    graphs
        asv's, of times, each with its benchmark.
    params
        asv's, of all graphs.
    history
        What is known of them.
    left_out
        Cells, with their graphs' paths, of which enough is known.
    """
    cells: dict[Hashable, list[Rising]] = defaultdict(list)
    for graph, benchmark in graphs:
        cells[history.place(graph.path)] += rising(graph, benchmark, history)
    entries = []
    for own in cells.values():
        own = [cell for cell in own if (cell.name, cell.path) not in left_out]
        for cell in sorted(own, key=lambda cell: -cell.rise)[:CELLS]:
            found = partial(history.found, cell.path, cell.name)
            pair = question(list(cell.values), found)
            if pair is not None:
                telling = {n: v for n, v in cell.graph.params.items() if len(params[n]) > 1}
                alone = history.are_neighbours(*pair)
                entries.append(_entry(cell, pair, telling, found(*pair), alone=alone))
    return entries


def rising(graph: Any, benchmark: Any, history: History) -> list[Rising]:
    """Return the cells of a graph whose histories go up, more than most of them do."""
    data = graph.get_data()
    cells: list[tuple[int | None, str, dict[int, float]]] = []
    for number, name in _names(benchmark):
        start = history.start(graph, benchmark, name)
        if start is None:
            continue
        values = {
            commit: value
            for commit, found, _ in data
            if (value := found[number or 0] if isinstance(found, list) else found) is not None
            if commit >= start and 0 < value < math.inf
        }
        if len(values) >= LEAST_COMMITS:
            cells.append((number, name, dict(sorted(values.items())[-COMMITS:])))
    rises = [_rise(list(values.values())) for *_, values in cells]
    common = statistics.median(rises) if len(rises) > 1 else 0.0
    return [
        Rising(graph, *cell, rise - common)
        for cell, rise in zip(cells, rises, strict=True)
        if rise > common
    ]


def _entry(
    cell: Rising, pair: tuple[int, int], params: dict[str, Any], found: Finding | None, *,
    alone: bool,
) -> Any:  # fmt: skip
    """Return a step as asv's list of regressions has it.

    The values are the level before it, and what the gate made of that, since a history as noisy as
    these may well go down at a slow commit; as long as nobody asked the gate, the level after it.
    """
    before = statistics.median(v for at, v in cell.values.items() if at <= pair[0])
    after = statistics.median(v for at, v in cell.values.items() if at >= pair[1])
    if found is not None and found.ratio is not None:
        after = before * found.ratio
    jump = [None if alone else pair[0], pair[1], before, after]
    return [cell.name, cell.path, params, cell.number, after, min(before, after), [jump]]


def _names(benchmark: Any) -> list[tuple[int | None, str]]:
    params = benchmark.get("params")
    if not params:
        return [(None, benchmark["name"])]
    cells = itertools.product(*params)
    return [(n, f"{benchmark['name']}({', '.join(cell)})") for n, cell in enumerate(cells)]


def _rise(values: list[float]) -> float:
    half = len(values) // 2
    later, earlier = statistics.median(values[half:]), statistics.median(values[:half])
    return math.log(later / earlier)
