"""Winners: who is fastest, by how much, and when that is not to be said."""

import math
from dataclasses import replace

import pytest

from convbench.report.winners import winner
from convbench.results.store import Record


def record(
    method: str, value: float, interval: tuple[float, float] | None, leeway: float = 1.0
) -> Record:
    params = {"method": method, "input": 64, "filter": 3}
    name = "conv2d.Forward.time_forward"
    return Record(name, params, value, interval, 10, None, 1 / leeway, leeway**-0.8)


def test_the_winner_and_how_far_ahead_it_is() -> None:
    best = winner([record("slow", 3e-3, (2.9e-3, 3.1e-3)), record("fast", 1e-3, (9e-4, 1.1e-3))])
    assert best is not None
    assert str(best) == "fast\n1 ms (3x)"
    assert best.decided


def test_overlapping_intervals_are_too_close_to_call() -> None:
    best = winner([record("a", 1.0e-3, (0.9e-3, 1.2e-3)), record("b", 1.1e-3, (1.0e-3, 1.3e-3))])
    assert str(best) == "a = b\n1 ms"


@pytest.mark.parametrize("few", [None, (-math.inf, math.inf)])
def test_few_samples_decide_only_what_is_clear(few) -> None:
    sure = (0.99, 1.01)
    assert not winner([record("a", 1.0, sure), record("b", 1.9, few)]).decided
    assert winner([record("a", 1.0, sure), record("b", 2.1, few)]).decided


def test_auto_does_not_compete_with_the_method_that_it_takes() -> None:
    best = winner([record("auto", 0.9, (0.8, 1.1)), record("b", 1.0, (0.9, 1.1))])
    assert str(best) == "b\n1 s"


def test_skipped_methods_do_not_win() -> None:
    skipped = replace(record("skipped", math.nan, None), reason="takes too long")
    best = winner([skipped, record("only", 2.0, (1.9, 2.1))])
    assert str(best) == "only\n2 s"
    assert winner([skipped]) is None


def test_nothing_is_the_fastest_before_all_are_measured() -> None:
    not_run = record("slow?", math.nan, None)
    alone = winner([not_run, record("only", 2.0, (1.9, 2.1))])
    assert str(alone) == "only so far\n2 s"
    assert not alone.decided
    ahead = winner([not_run, record("a", 1.0, (0.9, 1.1)), record("b", 2.0, (1.9, 2.1))])
    assert str(ahead) == "a so far\n1 s (2x)"
    assert not ahead.decided
    # `auto` is one of the others, measured or not.
    settled = winner([record("auto", math.nan, None), record("only", 2.0, (1.9, 2.1))])
    assert settled.decided


def test_what_met_a_slower_machine_may_be_as_fast() -> None:
    sure = record("a", 1.0e-3, (0.99e-3, 1.01e-3))
    slowed = record("b", 1.4e-3, (1.39e-3, 1.41e-3), leeway=0.7)
    between = record("c", 1.2e-3, (1.19e-3, 1.21e-3))
    assert str(winner([sure, between, slowed])) == "a = b\n1 ms"
    assert str(winner([sure, between])) == "a\n1 ms (1.2x)"
    # Slower still, it is behind at any pace; how far, is said for the same pace.
    far = record("b", 2.8e-3, (2.7e-3, 2.9e-3), leeway=0.7)
    best = winner([sure, far])
    assert best is not None
    assert best.decided
    assert best.speedup is not None
    assert 1.9 < best.speedup < 2.3


def test_a_slowed_cell_that_is_ahead_all_the_same_wins() -> None:
    slowed = record("a", 0.9, (0.89, 0.91), leeway=0.7)
    assert str(winner([slowed, record("b", 1.0, (0.99, 1.01))])).startswith("a\n900 ms")
    few = [record("a", 1.0, None, leeway=0.7), record("b", 1.9, None)]
    assert not winner(few).decided
    assert winner([record("a", 1.0, None), record("b", 2.9, None, leeway=0.7)]).decided


def test_an_interval_of_three_samples_hides_no_clear_win() -> None:
    fast = record("a", 1.0e-3, (0.9e-3, 1.1e-3))
    slow = Record(fast.benchmark, {**fast.params, "method": "b"}, 0.2, (1e-4, 0.4), 3)
    assert winner([fast, slow]).decided
    unsure = record("b", 2.1e-3, (1e-4, 4e-3))
    assert not winner([fast, unsure]).decided, "ten samples that far apart are an answer"
