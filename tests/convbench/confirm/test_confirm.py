"""Steps of a history, measured again: which, with what time, and what is kept."""

import json
import math
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from convbench.command_line.failure import CommandError
from convbench.confirm import checking, publishing
from convbench.confirm.findings import Finding, add_findings, judged, read_findings
from convbench.confirm.host import explains, host_factor, pace_factor
from convbench.confirm.publishing import with_list
from convbench.confirm.steps import Judged, State, Step, read_steps, write_steps
from convbench.results.store import Record, Run

CELL = "conv2d.Forward.time_forward('fft', 'all', 64, 3)"


def step(cell: str = CELL, before: str = "a" * 40, after: str = "b" * 40, to: float = 1.2) -> Step:
    return Step("machine", cell, before, after, 1.0, to, is_time=True)


def finding(verdict: str = "slowdown", **others: Any) -> Finding:
    facts = {"cell": CELL, "before": "a" * 40, "after": "b" * 40, "verdict": verdict}
    figures = {"ratio": 1.2, "low": 1.1, "high": 1.3, "pairs": 12, "budget_s": 60.0}
    return Finding(version=1, **{**facts, **figures, **others})


@pytest.mark.parametrize(
    ("verdict", "state"),
    [
        ("slowdown", State.CONFIRMED),
        ("no slowdown", State.REFUTED),
        ("speedup", State.REFUTED),
        ("inconclusive", State.UNDECIDED),
        ("failed", State.UNDECIDED),
        ("on one side only", State.UNDECIDED),
    ],
)
def test_the_gates_verdict_decides(verdict, state) -> None:
    found = {(CELL, "a" * 40, "b" * 40, ""): finding(verdict)}
    assert judged(step(), found, None).state is state
    assert judged(step(), found, 1.2).state is state, "what was measured outweighs the machine"


@pytest.mark.parametrize(
    ("high", "ratio", "state"),
    [
        (1.14, 2.04, State.REFUTED),
        (1.05, 1.2, State.REFUTED),
        (1.14, 1.2, State.UNDECIDED),
        (0.99, 1.0, State.REFUTED),
        (None, 2.04, State.UNDECIDED),
    ],
)
def test_a_step_of_which_less_than_half_is_left_is_refuted(high, ratio, state) -> None:
    found = {(CELL, "a" * 40, "b" * 40, ""): finding("inconclusive", low=0.92, high=high)}
    assert judged(step(to=ratio), found, None).state is state


def test_without_a_verdict_the_machine_may_explain_it() -> None:
    assert judged(step(), {}, 1.2).state is State.HOST
    assert judged(step(), {}, None).state is State.UNCHECKED
    other = {(CELL, "a" * 40, "c" * 40, ""): finding()}
    assert judged(step(), other, None).state is State.UNCHECKED, "of other commits"


def run(factor: float, outlier: float = 1.0, count: int = 9) -> Run:
    records = [
        Record("limits.Copy.track_copy", {"bytes": n}, 1e-6 * factor, None, None)
        for n in range(count)
    ]
    records += [
        Record("limits.Copy.track_copy", {"bytes": 99}, 1e-6 * outlier, None, None),
        Record("conv2d.Forward.time_forward", {"method": "fft"}, 1.0, None, None),
        Record("limits.Copy.track_copy", {"bytes": 98}, math.nan, None, None, "skipped"),
    ]
    return Run("machine", "commit", 0, "env", {}, "3.11", tuple(records))


def test_cells_of_other_code_tell_a_slower_machine() -> None:
    assert host_factor(run(1.0), run(1.25), r"^limits\.") == pytest.approx(1.25)
    assert host_factor(run(1.0), run(1.25, outlier=3.0), r"^limits\.") == pytest.approx(1.25)
    assert host_factor(run(1.0), run(1.01), r"^limits\.") is None, "too little to explain a step"
    assert host_factor(run(1.0, count=2), run(1.25, count=2), r"^limits\.") is None, "too few"
    assert host_factor(None, run(1.25), r"^limits\.") is None


def paced(slowdown: float, value: float = 1.0) -> Run:
    params = {"method": "fft", "threads": "all", "input": 64, "filter": 3}
    record = Record("conv2d.Forward.time_forward", params, value, None, 9, None, slowdown)
    return Run("machine", "commit", 0, "env", {}, "3.11", (record,))


def test_a_cell_that_met_a_slower_pace_says_so_itself() -> None:
    factor = pace_factor(paced(1.0), paced(1.4), CELL)
    assert factor is not None
    assert 1.4 < factor < 1.6
    assert explains(factor, 1.45, 0.05)
    assert not explains(factor, 2.0, 0.05)
    assert pace_factor(paced(1.4), paced(1.42), CELL) is None, "the same pace"
    assert pace_factor(paced(1.4), paced(1.0), CELL) is None, "faster explains no step up"
    assert pace_factor(paced(1.0), paced(1.4, math.nan), CELL) is None
    assert pace_factor(paced(1.0), paced(1.4), CELL.replace("64", "65")) is None
    assert pace_factor(None, paced(1.4), CELL) is None


def test_cells_that_disagree_tell_nothing() -> None:
    scattered = [
        Record("limits.Copy.track_copy", {"bytes": n}, 1e-6 * (1 + n / 4), None, None)
        for n in range(9)
    ]
    after = Run("machine", "commit", 0, "env", {}, "3.11", tuple(scattered))
    assert host_factor(run(1.0), after, r"^limits\.") is None


@pytest.mark.parametrize(
    ("factor", "ratio", "explained"),
    [(1.25, 1.25, True), (1.25, 1.3, True), (1.25, 1.4, False), (None, 1.25, False)],
)
def test_a_step_beyond_the_machines_own_is_not_explained(factor, ratio, explained) -> None:
    assert explains(factor, ratio, 0.05) is explained


def test_findings_are_kept_line_by_line_and_the_newest_counts(tmp_path) -> None:
    path = tmp_path / "machine" / "confirmed.jsonl"
    assert read_findings(path) == {}
    add_findings(path, [finding("inconclusive"), finding(cell="other")])
    add_findings(path, [finding("slowdown")])
    assert len(read_findings(path)) == 2
    assert read_findings(path)[CELL, "a" * 40, "b" * 40, ""].verdict == "slowdown"
    path.write_bytes(path.read_bytes()[:-20])  # as a kill may leave it
    add_findings(path, [finding("no slowdown")])
    assert read_findings(path)[CELL, "a" * 40, "b" * 40, ""].verdict == "no slowdown"


def test_a_finding_under_other_settings_says_nothing_of_a_step(tmp_path, monkeypatch) -> None:
    path = tmp_path / "confirmed.jsonl"
    add_findings(path, [finding("slowdown", settings="OMP_NUM_THREADS=1")])
    add_findings(path, [finding("no slowdown", settings="OMP_NUM_THREADS=2")])
    known = read_findings(path)
    assert judged(step(), known, None).state is State.UNCHECKED
    under = msgspec.structs.replace(step(), settings="OMP_NUM_THREADS=1")
    assert judged(under, known, None).state is State.CONFIRMED


@pytest.mark.parametrize(
    ("part", "value"),
    [("", 1.0), ("env-OMP_NUM_THREADS-null/", 1.0), ("env-OMP_NUM_THREADS-1/", 2.0)],
)
def test_a_history_is_held_against_runs_under_its_own_settings(monkeypatch, part, value) -> None:
    plain, one = run(1.0), replace(run(2.0), settings={"OMP_NUM_THREADS": "1"})
    monkeypatch.setattr(publishing, "all_runs", lambda *_: [plain, one])
    confirmed = publishing.Confirmed(None, None, None, None, {})
    found = confirmed._of_graph(f"graphs/{part}machine-m/x.json", "m")
    assert found["commit"].records[0].value == pytest.approx(value * 1e-6)


def test_steps_between_the_same_commits_are_measured_together_and_the_largest_first() -> None:
    small = [step(f"cell {n}", to=1.1) for n in range(12)]
    large = step("large", before="c" * 40, to=3.0)
    found = list(checking.groups([*small, large]))
    assert found[0] == [large]
    assert [len(own) for own in found] == [1, 5, 5, 2]


class Gate:
    """Stands in for the gate's process."""

    def __init__(self, cells: list[dict[str, Any]] | None, status: int, said: str = "") -> None:
        self.cells, self.status, self.said = cells, status, said
        self.command: list[str] = []

    def __call__(self, command: list[str], **_: Any) -> "subprocess.CompletedProcess[str]":
        self.command = command
        if self.cells is not None:
            path = Path(command[command.index("--json") + 1])
            path.write_text(json.dumps({"cells": self.cells}))
        return subprocess.CompletedProcess(command, self.status, "", self.said)


def test_the_gate_is_asked_for_these_cells_and_its_answer_is_noted(monkeypatch, tmp_path) -> None:
    verdict = {"cell": CELL, "verdict": "slowdown", "ratio": 1.2, "low": 1.1, "high": None}
    gate = Gate([{**verdict, "pairs_judged": 11}], status=1)
    monkeypatch.setattr(checking.subprocess, "run", gate)
    (found,) = checking.check([step()], 300, tmp_path / "log")
    assert (found.state, found.ratio, found.high, found.pairs) == (State.CONFIRMED, 1.2, None, 11)
    assert gate.command[3:6] == ["gate", "a" * 40, "b" * 40]
    assert "'fft',\\ 'all',\\ 64,\\ 3" in gate.command[7]
    assert gate.command[9] == "80s"
    assert "1.200 (1.100 to ?)" in found.note


def test_without_time_for_it_nothing_is_asked(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(checking.subprocess, "run", lambda *_, **__: pytest.fail("asked"))
    assert checking.check([step()], 10, tmp_path / "log") == []
    assert list(checking.all_checked([step()], 10, tmp_path / "log")) == []


def test_a_commit_that_cannot_be_compared_is_noted_and_not_asked_again(
    monkeypatch, tmp_path
) -> None:
    refused = Gate(None, status=2, said="convbench gate: 'b' cannot be installed: no setup\n")
    monkeypatch.setattr(checking.subprocess, "run", refused)
    (found,) = checking.check([step()], 300, tmp_path / "log")
    assert found.state is State.UNDECIDED
    assert "cannot be installed" in found.note


def test_a_gate_that_breaks_is_no_finding(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(checking.subprocess, "run", Gate(None, status=70, said="it broke"))
    with pytest.raises(CommandError, match="the gate on aaaaaaaa and bbbbbbbb failed: it broke"):
        checking.check([step()], 300, tmp_path / "log")


def test_faint_steps_wait_for_the_others() -> None:
    faint = msgspec.structs.replace(step("faint", before="c" * 40, to=1.5), faint=True)
    both = msgspec.structs.replace(step("with a loud one", to=1.9), faint=True)
    order = checking.groups([faint, both, step("loud", to=1.1)])
    assert [[s.cell for s in own] for own in order] == [["loud", "with a loud one"], ["faint"]]
    assert judged(faint, {}, None).state is State.FAINT
    assert judged(faint, {}, 1.5).state is State.HOST


def test_steps_are_left_with_the_pages_and_read_from_there(tmp_path) -> None:
    with pytest.raises(CommandError, match="`asv publish` writes it"):
        read_steps(tmp_path)
    steps = [Judged(step(), State.REFUTED, "1.01"), Judged(step(to=2.0), State.UNCHECKED)]
    write_steps(tmp_path, steps)
    assert read_steps(tmp_path) == steps


def test_what_is_not_confirmed_stands_below_what_is() -> None:
    index = '<div><div id="regressions-body">\n</div></div>'
    steps = [Judged(step("<cell>"), State.REFUTED, "0.99"), Judged(step(), State.CONFIRMED)]
    page = with_list(index, steps)
    assert page.startswith('<div><div id="regressions-body">\n</div>\n<div')
    assert "refuted: 1" in page
    assert "&lt;cell&gt;" in page
    with pytest.raises(ValueError, match="no single place"):
        with_list("<html></html>", steps)
