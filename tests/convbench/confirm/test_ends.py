"""A slow commit found by the gate's answers alone: what it is asked, and when no more."""

import random
from typing import Any

import pytest
from asv.graph import Graph

from convbench.confirm import ends
from convbench.confirm.findings import Finding

NAME = "suite.Class.time_it"
BENCHMARK = {"name": NAME, "type": "time", "params": [["'direct'", "'fft'"], ["256", "512"]]}
SINGLE = {"name": NAME, "type": "time", "params": []}


def answer(ratio: float | None, verdict: str = "") -> Finding:
    told = verdict or ("slowdown" if ratio is not None and ratio > 1.03 else "no slowdown")
    return Finding(1, NAME, "a", "b", told, ratio, ratio, ratio, 12, 60.0)


class Oracle:
    """A gate that knows by what factor each commit makes the cell slower."""

    def __init__(self, slower: dict[int, float], noise: float = 0.0, seed: int = 0) -> None:
        self.slower, self.noise, self.dice = slower, noise, random.Random(seed)
        self.answers: dict[tuple[int, int], Finding] = {}

    def ask(self, before: int, after: int) -> None:
        ratio = 1.0 + self.dice.gauss(0, self.noise)
        for commit, factor in self.slower.items():
            ratio *= factor if before < commit <= after else 1.0
        self.answers[before, after] = answer(ratio)

    def known(self, before: int, after: int) -> Finding | None:
        return self.answers.get((before, after))


def search(commits: list[int], oracle: Oracle) -> tuple[int, int] | None:
    """Ask what is to be asked until nothing is; return the pair that was asked last."""
    for _ in range(20):
        pair = ends.question(commits, oracle.known)
        if pair is None or pair in oracle.answers:
            return pair
        oracle.ask(*pair)
    pytest.fail("it asks on and on")


@pytest.mark.parametrize("count", [2, 3, 8, 16])
def test_each_commit_is_found_in_few_questions(count: int) -> None:
    commits = [10 * n for n in range(count)]
    for slow in range(1, count):
        oracle = Oracle({commits[slow]: 1.1})
        assert search(commits, oracle) == (commits[slow - 1], commits[slow])
        assert len(oracle.answers) <= 2 + (count - 1).bit_length()


def test_a_gate_that_is_one_percent_off_finds_five_percent() -> None:
    commits = list(range(8))
    right = 0
    for seed in range(100):
        oracle = Oracle({5: 1.05}, noise=0.007, seed=seed)
        right += search(commits, oracle) == (4, 5)
    assert right >= 90


def test_of_two_slow_commits_the_slower_is_found() -> None:
    assert search(list(range(8)), Oracle({2: 1.04, 6: 1.3})) == (5, 6)


def test_between_ends_that_the_gate_finds_alike_nothing_is_asked() -> None:
    oracle = Oracle({})
    assert search(list(range(8)), oracle) is None
    assert list(oracle.answers) == [(0, 7)]
    faster = Oracle({3: 0.8})
    assert search(list(range(8)), faster) is None


@pytest.mark.parametrize("told", [answer(None, "failed"), answer(1.02, "inconclusive")])
def test_a_gate_that_cannot_say_ends_the_search(told: Finding) -> None:
    assert ends.question([1, 2, 3], lambda *_: told) is None
    halves = {(1, 9): answer(1.2), (1, 5): answer(None, "failed")}
    assert ends.question([1, 3, 5, 7, 9], lambda *pair: halves.get(pair)) is None


class Known:
    """What the search asks of the history: nothing was found, all commits are neighbours."""

    def __init__(self, start: int | None = 0) -> None:
        self._start = start

    def place(self, graph_path: str) -> str:
        return "machine-a" if "machine-a" in graph_path else "other"

    def start(self, graph: Any, benchmark: Any, cell: str) -> int | None:
        return self._start

    def found(self, graph_path: str, cell: str, before: int, after: int) -> Finding | None:
        return None

    def are_neighbours(self, before: int, after: int) -> bool:
        return after - before == 1


def graph_of(histories: list[list[float]], machine: str = "a") -> Graph:
    graph = Graph(NAME, {"machine": machine})
    for commit, values in enumerate(zip(*histories, strict=True)):
        graph.add_data_point(commit, list(values) if len(histories) > 1 else values[0])
    return graph


FLAT, UP, DOWN = [1.0] * 8, [1.0] * 4 + [1.1] * 4, [1.1] * 4 + [1.0] * 4


def test_the_cells_that_go_up_beside_the_others_are_asked_about_from_end_to_end() -> None:
    day = [1.0, 1.0, 1.0, 1.0, 1.3, 1.3, 1.3, 1.3]  # slower for all
    histories = [[a * b for a, b in zip(day, own, strict=True)] for own in (FLAT, DOWN, UP, UP)]
    params = {"machine": {"a", "b"}}
    found = ends.searched([(graph_of(histories), BENCHMARK)], params, Known())
    assert [entry[0] for entry in found] == [f"{NAME}('fft', 256)", f"{NAME}('fft', 512)"]
    name, path, telling, number, *_, ((before, after, *_),) = found[0]
    assert (number, telling) == (2, {"machine": "a"})
    assert (before, after) == (0, 7)
    assert path.endswith(f"{NAME}.json")
    left_out = {(name, path)}
    (other,) = ends.searched([(graph_of(histories), BENCHMARK)], params, Known(), left_out)
    assert other[3] == 3


def test_a_cell_alone_goes_up_by_itself_and_too_short_or_excluded_histories_are_left_out() -> None:
    params = {"machine": {"a"}}
    (entry,) = ends.searched([(graph_of([UP]), SINGLE)], params, Known())
    assert (entry[0], entry[2], entry[3]) == (NAME, {}, None)
    for history, known in (
        (DOWN, Known()),
        (UP[:3], Known()),
        (UP, Known(start=None)),
        (UP, Known(start=5)),
    ):
        assert ends.searched([(graph_of([history]), SINGLE)], params, known) == []


def test_each_machine_has_its_own_few_cells() -> None:
    graphs = [(graph_of([UP], machine), {**SINGLE, "name": f"{NAME}{n}"})
              for machine in "ab" for n in range(ends.CELLS + 2)]  # fmt: skip
    found = ends.searched(graphs, {"machine": {"a", "b"}}, Known())
    assert len(found) == 2 * ends.CELLS


def test_a_step_is_as_large_as_the_gate_found_it_where_the_history_goes_down() -> None:
    up_and_down = [1.0, 1.0, 1.4, 1.3, 1.2, 1.2, 1.2, 1.2]
    oracle = Oracle({3: 1.1})
    for pair in ((0, 7), (0, 3), (0, 1), (1, 2), (2, 3)):
        oracle.ask(*pair)
    known = Known()
    known.found = lambda path, cell, *pair: oracle.known(*pair)  # type: ignore[method-assign]
    (entry,) = ends.searched([(graph_of([up_and_down]), SINGLE)], {"machine": {"a"}}, known)
    first, after, low, high = entry[6][0]
    assert (first, after) == (None, 3)
    assert high == pytest.approx(1.1 * low)


def test_levels_and_values_that_are_missing_do_no_harm() -> None:
    with_gaps: list[Any] = [1.0, None, float("nan"), 1.0, 1.1, None, 1.1, 1.1]
    (entry,) = ends.searched([(graph_of([with_gaps]), SINGLE)], {"machine": {"a"}}, Known())
    assert entry[6][0][:2] == [0, 7]
    assert entry[6][0][2:] == [1.0, 1.1]
