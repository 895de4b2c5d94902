"""The report's budget: what finds no time is left to the next call, and never the first part."""

import io
from math import inf

import pytest
from rich.console import Console

from convbench.measuring.chunks import Chunk
from convbench.report import making
from convbench.report.summary import print_results
from convbench.results.store import Record, Run
from convbench.suite.facts import FORWARD

CHUNKS = [Chunk(f"part {n}", f"part{n}", frozenset({("part", (n,))}), 10.0) for n in range(3)]


@pytest.mark.parametrize(("budget_s", "measured"), [(0.0, 1), (15.0, 2), (inf, 3)])
def test_parts_are_measured_while_the_budget_lasts(budget_s, measured, monkeypatch) -> None:
    done: list[str] = []

    # Nothing takes any time here, so that the expectations alone decide.
    def measure(
        machine: str, commit: str, chunk: Chunk, left_s: float, left: int, more: float
    ) -> None:
        assert more == 1.0  # they have no turns
        assert left_s == budget_s - len(done)
        assert left == len(CHUNKS) - len(done)  # cells, of which each part has one
        done.append(chunk.title)

    monkeypatch.setattr(making, "measure", measure)
    monkeypatch.setattr(
        "convbench.command_line.progress.Forecast.elapsed_s", property(lambda self: len(done))
    )
    monkeypatch.setattr(
        "convbench.command_line.progress.Forecast.next_s", property(lambda self: 10 * len(done))
    )
    console = Console(file=io.StringIO())
    assert making._measure("machine", "commit", CHUNKS, budget_s, console) == measured
    assert done == [chunk.title for chunk in CHUNKS[:measured]]


@pytest.mark.parametrize(
    ("budget_s", "expected"),
    [(200.0, [1.0, 1.0]), (260.0, [1.2, 1.2]), (1000.0, [1.5, 1.5, 1.5])],
    ids=["no time left", "some", "much"],
)
def test_what_is_left_of_the_budget_goes_to_more_turns(budget_s, expected, monkeypatch) -> None:
    parts = [
        Chunk(f"part {n}", f"part{n}", frozenset({("part", (n,))}), 100.0, 100.0) for n in range(3)
    ]
    now_s, found = 0.0, []

    def measure(*given: object, more: float) -> None:
        nonlocal now_s
        found.append(round(more, 2))
        now_s += 100.0 * more

    monkeypatch.setattr(making, "measure", measure)
    monkeypatch.setattr("convbench.command_line.progress.time.monotonic", lambda: now_s)
    forecast = making.Forecast
    monkeypatch.setattr(
        "convbench.command_line.progress.Forecast",
        lambda pieces, limit_s: forecast(pieces, lambda: now_s, limit_s),
    )
    making._measure("machine", "commit", parts, budget_s, Console(file=io.StringIO()))
    assert found == expected


def test_parts_without_turns_wait_behind_the_times() -> None:
    times = Chunk("times", "", frozenset({("time", ())}), 100.0, 100.0)
    others = [Chunk(f"{n}", "", frozenset({("other", (n,))}), 20.0) for n in range(2)]
    for parts, budget_s, more in (
        ([times, *others], 142.0, 1.22),  # one of the others would fit, too
        ([others[0], times, others[1]], 162.0, 1.22),
        (others, 300.0, 1.0),
    ):
        forecast = making.Forecast([part.expected_s for part in parts], lambda: 0.0, budget_s)
        assert making._more_turns(parts, forecast) == pytest.approx(more)


def test_what_is_not_measured_yet_is_a_sentence_and_no_empty_table() -> None:
    params = {"method": "fft", "input": 64, "filter": 3}
    record = Record(FORWARD, params, 2e-3, (1.9e-3, 2.1e-3), 10)
    run = Run("machine", "0123456789", 0, "env", {}, "3.11", (record,))
    text = io.StringIO()
    print_results(run, Console(file=text, width=80))
    assert "filter 3" in text.getvalue()
    assert "backward: no cell is measured yet\n" in text.getvalue()
    assert text.getvalue().count("fastest method") == 1
