"""Steps too faint for asv to name by itself, for the gate to look at.

asv fits a step only where it explains more than a penalty of 4 ln(n) / n; of one of 10% in 8
commits that is in a half or a quarter of the cases, if the noise is 2 or 3%. It must be as careful,
since it names what it finds. Where the gate has the last word a false one costs a minute of
measuring, and one that is missed is missed for good.
"""

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from asv import step_detect
from asv.plugins.regressions import Regressions, _GraphDataFilter

from convbench.confirm.contrast import contrasts

#: Of made-up histories of 8 commits (150, log-normal noise of 2%) that are 10% slower from the
#: middle on, asv's penalty finds it in 51%, this one in 86%; of histories of one level, 11% have a
#: step. With 2.5 it is 97% and 27%.
PENALTY = 3.0
#: Part of asv.conf.json's threshold: a step that is as large as the threshold is found in half of
#: the cases by the threshold itself.
THRESHOLD_SHARE = 0.5
#: Commits, of fewer of which nobody can tell a step from noise.
LEAST_COMMITS = 4

Entry: TypeAlias = list[Any]
"""One cell's steps, as asv's list of regressions has them."""


@contextmanager
def _lower_penalty() -> Iterator[None]:
    solve = step_detect.solve_potts_autogamma

    def lower(y: list[float], w: list[float], **others: Any) -> Any:
        n = max(2, len(y))
        return solve(y, w, beta=PENALTY * math.log(n) / n, **others)

    step_detect.solve_potts_autogamma = lower
    try:
        yield
    finally:
        step_detect.solve_potts_autogamma = solve


def time_graphs(benchmarks: Any, graphs: Any) -> Iterator[tuple[Any, Any]]:
    """Yield asv's graphs of times that are long enough to tell a step, with their benchmarks."""
    for file_name, graph in graphs:
        benchmark = benchmarks.get(file_name.rsplit("/", 1)[-1])
        if not benchmark or "summary" in graph.params or benchmark.get("type") != "time":
            continue
        if len(graph.data_points) >= LEAST_COMMITS:
            yield graph, benchmark


def faint_entries(
    conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: dict[str, int]
) -> tuple[list[Entry], list[Entry]]:
    """Return steps of times as asv's list of regressions has them, those that it has among them.

    Parameters
    ----------
    conf, repo, benchmarks, graphs, revisions
        What asv hands to whoever publishes.

    Returns
    -------
    alone, beside
        Of cells by themselves, and of groups of cells beside the others (`contrast`).
    """
    data = _GraphDataFilter(conf, repo, revisions)
    hashes = {number: commit for commit, number in revisions.items()}
    alone: list[Entry] = []
    beside: list[Entry] = []
    facts = hashes, repo, graphs.get_params()
    with _lower_penalty():
        for graph, benchmark in time_graphs(benchmarks, graphs):
            again = copy.copy(graph)
            again._steps = None
            alone += _steps_of(again, benchmark, data, facts)
            for contrast in contrasts(graph, benchmark):
                for entry in _steps_of(contrast.graph, benchmark, data, facts):
                    threshold = data._get_threshold(graph, benchmark, entry[0])
                    least = THRESHOLD_SHARE * threshold
                    jumps = [jump for jump in entry[6] if contrast.goes_up(jump[1], least)]
                    if jumps:
                        beside.append([*entry[:6], jumps])
    return alone, beside


def _steps_of(graph: Any, benchmark: Any, data: Any, facts: tuple[Any, ...]) -> list[Entry]:
    """Return what asv lists of a graph, for a part of the threshold."""
    found: list[Entry] = []
    for series, name, steps, threshold in data.get_graph_data(graph, benchmark):
        lowered = series, name, steps, THRESHOLD_SHARE * threshold
        Regressions._process_regression(found, *facts, lowered, graph)
    return found
