"""What the gate says: exit status, table, Markdown, and the files of both sides."""

import io
import json
import math

import pyperf
import pytest
from rich.console import Console

from convbench.gate.campaign import Campaign, Row
from convbench.gate.cells import Cell
from convbench.gate.files import pyperf_files, write
from convbench.gate.outcome import exit_status
from convbench.gate.pairs import Blocks
from convbench.gate.report import Report
from convbench.gate.revisions import Revision
from convbench.gate.text import markdown, print_report
from convbench.stats.intervals import Interval
from convbench.stats.judging import Judgement, Verdict
from convbench.stats.rules import Rules

ORDER = [
    (Verdict.NONE, 0),
    (Verdict.SPEEDUP, 0),
    (Verdict.INCONCLUSIVE, 3),
    (Verdict.FAILED, 3),
    (None, 3),
    (Verdict.SLOWDOWN, 1),
]


def row(name: str, verdict: Verdict | None, note: str = "") -> Row:
    return Row(Cell(name, None, ()), verdict=verdict, note=note)


def measured(name: str, verdict: Verdict, low: float, estimate: float, high: float) -> Row:
    interval = Interval(math.log(estimate), math.log(low), math.log(high), 0.01)
    blocks = [Blocks((0.001, 0.0011), (0.001 * estimate, 0.0011 * estimate))] * 10
    cell = Cell(name, 0, ("'a|b'", "64"))
    return Row(cell, 20, 0.001, blocks, Judgement(interval, 10, verdict), verdict)


@pytest.fixture
def report() -> Report:
    campaign = Campaign(Rules(), 120.0, seed=7, began_s=0.0, pair_s=[3.0] * 10, _ended_s=42.0)
    campaign.rows = [
        measured("m.time_x", Verdict.SLOWDOWN, 1.021, 1.05, 1.08),
        measured("m.time_y", Verdict.NONE, 0.99, 1.001, 1.015),
        row("m.time_z", Verdict.FAILED, "HEAD: the process ended (status 7)"),
        row("m.time_new", Verdict.ONE_SIDED, "HEAD only; BASE: no such method"),
    ]
    base, head = Revision("a" * 40, "main"), Revision(None, "")
    return Report(campaign, base, head, ["busy: load average 2.0 on 2 cores"])


@pytest.mark.parametrize(("verdict", "status"), ORDER)
def test_the_worst_cell_decides_the_exit_status(verdict, status) -> None:
    campaign = Campaign(Rules(), 60.0, 1)
    campaign.rows = [row("a", Verdict.NONE), row("b", verdict), row("c", Verdict.SKIPPED)]
    assert exit_status(campaign) == status


def test_a_slowdown_outweighs_what_is_inconclusive() -> None:
    campaign = Campaign(Rules(), 60.0, 1)
    campaign.rows = [row("a", Verdict.FAILED), row("b", Verdict.SLOWDOWN)]
    assert exit_status(campaign) == 1


@pytest.mark.parametrize("verdicts", [[], [Verdict.SKIPPED], [Verdict.ONE_SIDED]])
def test_where_nothing_was_compared_nothing_is_known(verdicts) -> None:
    campaign = Campaign(Rules(), 60.0, 1)
    campaign.rows = [row("a", verdict) for verdict in verdicts]
    assert exit_status(campaign) == 3


def test_the_comment_for_a_request(report) -> None:
    expected = r"""### HEAD is working tree, BASE is main (aaaaaaaa): slower: 1 of 4 cells

| cell | BASE | HEAD / BASE | interval | pairs | verdict |
| --- | ---: | ---: | ---: | ---: | --- |
| `m.time_x('a\|b', 64)` | 1.1 ms | 1.050 | 1.021 to 1.080 | 10 | slowdown |
| `m.time_y('a\|b', 64)` | 1.1 ms | 1.001 | 0.990 to 1.015 | 10 | no slowdown |
| `m.time_z` | - | - | - | 0 | failed: HEAD: the process ended (status 7) |
| `m.time_new` | - | - | - | 0 | on one side only: HEAD only; BASE: no such method |

CONDITIONS

- warning: busy: load average 2.0 on 2 cores
"""
    assert markdown(report) == expected.replace("CONDITIONS", report.conditions)
    for text in ("10 pairs of processes in 0:42 (budget 2:00).", "larger than 2%", "at most 1%"):
        assert text in report.conditions


def test_the_terminal_says_the_same(report) -> None:
    screen = io.StringIO()
    print_report(report, Console(file=screen, width=140))
    shown = screen.getvalue()
    for text in ("m.time_x('a|b', 64)", "1.021 to 1.080", "slowdown", "no such method", "0:42"):
        assert text in shown


def test_pyperf_reads_both_sides(report, tmp_path) -> None:
    file = tmp_path / "gate.json"
    write(report, file)
    base, head = (pyperf.BenchmarkSuite.load(str(path)) for path in pyperf_files(file))
    assert base.get_benchmark_names() == ["m.time_x('a|b', 64)", "m.time_y('a|b', 64)"]
    before, after = (suite.get_benchmark("m.time_x('a|b', 64)") for suite in (base, head))
    assert len(before.get_runs()) == 10  # a run a process
    assert after.mean() / before.mean() == pytest.approx(1.05)
    assert json.loads(file.read_text())["cells"][0]["pair_log_ratios"] == pytest.approx(
        [math.log(1.05)] * 10
    )


def test_an_earlier_runs_samples_do_not_stay_beside_new_verdicts(report, tmp_path) -> None:
    file = tmp_path / "gate.json"
    write(report, file)
    report.campaign.rows = [row("m.time_z", Verdict.FAILED)]
    write(report, file)
    assert [path.exists() for path in pyperf_files(file)] == [False, False]
