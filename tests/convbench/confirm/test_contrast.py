"""Histories of cells with one parameter in common, beside the others'."""

import math
import random
from typing import Any

import pytest
from asv.graph import Graph
from asv.step_detect import detect_regressions

from convbench.confirm import contrast, faint

NAME = "suite.Class.time_it"
BENCHMARK = {"name": NAME, "type": "time", "params": [["'direct'", "'fft'"], ["256", "512", "768"]]}
CELLS, COMMITS, SLOW = 6, 8, 104
FFT = {3, 4, 5}


def history(seed: int, factor: float, cells: set[int], pace: float = 0.06) -> Graph:
    """Return eight commits, each measured on a day of its own pace, by which cells vary alike."""
    draw = random.Random(seed)
    graph = Graph(NAME, {"machine": "m"})
    for commit in range(100, 100 + COMMITS):
        day = math.exp(draw.gauss(0, pace))
        values = [
            (n + 1) * 1e-3 * day * math.exp(draw.gauss(0, 0.01))
            * (factor if n in cells and commit >= SLOW else 1.0)
            for n in range(CELLS)
        ]  # fmt: skip
        graph.add_data_point(commit, values)
    return graph


def found(graph: Any) -> set[tuple[int, int]]:
    """Return the cells and commits of steps up that the contrasts show."""
    steps = set()
    with faint._lower_penalty():
        for one in contrast.contrasts(graph, BENCHMARK):
            for cell, own in enumerate(one.graph.get_steps()):
                _, _, jumps = detect_regressions(own, 0.02)
                steps |= {(cell, j[1]) for j in jumps or [] if one.goes_up(j[1], 0.02)}
    return steps


def alone(graph: Any) -> set[tuple[int, int]]:
    with faint._lower_penalty():
        each = enumerate(graph.get_steps())
        return {(n, jump[1]) for n, own in each for jump in detect_regressions(own, 0.02)[2] or []}


SEEDS = range(40)


@pytest.mark.parametrize(("factor", "least"), [(1.05, 26), (1.1, 36)])
def test_a_step_of_one_method_is_seen_through_the_days(factor: float, least: int) -> None:
    seen = [found(history(seed, factor, FFT)) for seed in SEEDS]
    right = [{cell for cell, commit in steps if commit == SLOW} for steps in seen]
    assert all(cells <= FFT for cells in right)
    assert sum(bool(cells) for cells in right) >= least
    by_themselves = [alone(history(seed, factor, FFT)) for seed in SEEDS]
    assert sum(any(commit == SLOW for _, commit in own) for own in by_themselves) < 0.7 * least


def test_the_days_alone_are_no_step() -> None:
    """Of the cells by themselves more than half have a step; the gate would refute them all."""
    assert sum(bool(found(history(seed, 1.0, set()))) for seed in SEEDS) <= 8
    assert sum(bool(alone(history(seed, 1.0, set()))) for seed in SEEDS) > 20


def test_where_others_become_faster_nobody_is_slower() -> None:
    """Without days: the other method's gain is all that there is."""
    faster = [found(history(seed, 0.9, FFT, pace=0.001)) for seed in SEEDS]
    assert not [steps for steps in faster if (0, SLOW) in steps or (1, SLOW) in steps]
    assert sum(bool(steps) for steps in faster) <= 2


def test_each_cell_keeps_its_own_level() -> None:
    graph = history(0, 1.1, FFT, pace=0.001)
    (one,) = [
        one for one in contrast.contrasts(graph, BENCHMARK)
        if all(value is None for value in one.graph.data_points[100][0][:3])
    ]  # fmt: skip
    values = one.graph.data_points[100][0]
    assert values[3:] == pytest.approx([4e-3, 5e-3, 6e-3], rel=0.1)
    assert one.graph.get_data()
    assert graph.data_points[100][0][0] is not None


@pytest.mark.parametrize(
    "params", [[], [["1", "2", "3", "4", "5", "6"]], [["1"], ["1", "2", "3", "4", "5", "6"]]]
)
def test_cells_without_a_group_have_no_contrast(params: list[list[str]]) -> None:
    benchmark = {**BENCHMARK, "params": params}
    assert not list(contrast.contrasts(history(0, 1.1, FFT), benchmark))


def test_missing_values_are_left_out() -> None:
    graph = history(1, 1.1, FFT)
    for commit, cell in ((100, 0), (101, 3), (104, 4)):
        graph.data_points[commit][0][cell] = float("nan")
    for cell in range(CELLS):
        graph.data_points[102][0][cell] = None
    assert {cell for cell, commit in found(graph) if commit == SLOW} <= FFT
    empty = Graph(NAME, {})
    empty.add_data_point(100, [None] * CELLS)
    assert not list(contrast.contrasts(empty, BENCHMARK))
