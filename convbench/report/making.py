"""Measure what is not measured yet, publish, and say who won."""

import time
from contextlib import closing
from pathlib import Path

from rich.console import Console

from benchmarks.turns import TURN_S, taken
from convbench.asv.command import LOG
from convbench.asv.machines import machine_name
from convbench.command_line.progress import Forecast, clock, track
from convbench.confirm.command import confirm
from convbench.confirm.steps import Judged, State
from convbench.measuring.chunks import Chunk, report_chunks
from convbench.measuring.measure import (
    discover,
    disturbed,
    measure,
    newest_runs,
    once_more,
)
from convbench.report.summary import print_results
from convbench.repository.commits import commit_named
from convbench.repository.git import git
from convbench.results.store import Run, StoreError, load_benchmarks, load_config
from convbench.suite.conditions import TOLERANCE
from convbench.suite.facts import PACKAGE

# What is left when the parts that fit are measured goes to more turns of their cells, up to so many
# times the usual ones; but for some seconds, if parts take longer than they are expected to.
_MOST_TURNS, _RESERVE_S = 1.5, 20.0


def _measure_first(
    machine: str, commit: str, pending: list[Chunk], left_s: float, more: float = 1.0
) -> None:
    """Measure the first chunk, and leave time for the others."""
    cells = sum(len(chunk.cells) for chunk in pending)
    measure(machine, commit, pending[0], left_s, cells, more=more)


def _more_turns(pending: list[Chunk], forecast: Forecast) -> float:
    """Return how many times the usual turns there is time for in all parts that fit.

    Parts behind the last one that has turns wait: times that come again go before them.
    """
    number, left_s = forecast.fitting
    fitting = [(chunk.turns_s, chunk.expected_s) for chunk in pending[:number]]
    while fitting and not fitting[-1][0]:
        left_s += forecast.pace * fitting.pop()[1]
    turns_s = forecast.pace * sum(turns_s for turns_s, _ in fitting)
    if not turns_s or left_s <= _RESERVE_S:
        return 1.0
    return min(_MOST_TURNS, 1 + (left_s - _RESERVE_S) / turns_s)


def _measure(
    machine: str, commit: str, chunks: list[Chunk], budget_s: float, console: Console
) -> int:
    """Measure one chunk after the other while the budget lasts; return how many were measured."""
    titles = [chunk.title for chunk in chunks]
    steps = track(titles, [chunk.expected_s for chunk in chunks], console, budget_s)
    with closing(steps):
        for index, forecast in steps:
            # The first is always measured: who calls again and again comes to an end.
            if index and not forecast.has_time:
                return index
            pending = chunks[index:]
            more = _more_turns(pending, forecast)
            forecast.lengthen((more - 1) * pending[0].turns_s)
            _measure_first(machine, commit, pending, budget_s - forecast.elapsed_s, more)
    return len(chunks)


def _measure_once_more(
    machine: str, commit: str, chunks: list[Chunk], budget_s: float, console: Console
) -> None:
    """Try cells that were disturbed again while the budget lasts."""
    conf = load_config()
    cells = {cell for chunk in chunks for cell in chunk.cells}
    run = newest_runs(conf, load_benchmarks(conf), machine).get(commit)
    pending = once_more(disturbed(run, cells))
    titles = [chunk.title for chunk in pending]
    steps = track(titles, [chunk.expected_s for chunk in pending], console, budget_s)
    with closing(steps):
        for index, forecast in steps:
            if not forecast.has_time:
                return
            _measure_first(machine, commit, pending[index:], budget_s - forecast.elapsed_s)


def _timed_s(run: Run, chunks: list[Chunk]) -> float:
    """Seconds inside timed samples that count, of the cells in `chunks`."""
    cells = {cell for chunk in chunks for cell in chunk.cells}
    return sum(
        taken(record.samples) * max(record.value, TURN_S)
        for record in run.records
        if record.samples and not record.skipped and record.key in cells
    )


def report(machine: str | None, console: Console, *, again: bool, budget_s: float) -> None:
    """Measure HEAD's missing cells (all with `again`), publish, print the tables.

    Parts that the budget has no time for are left to the next call.

    Raises
    ------
    StoreError, AsvError
        With a message of one line.
    """
    start = time.monotonic()
    conf = load_config()
    commit = commit_named(Path.cwd(), "HEAD")
    if git(Path.cwd(), "status", "--porcelain", "--", PACKAGE):
        console.print(f"{PACKAGE}/ has changes that are not committed: {commit[:8]} is measured")
    name = machine_name(machine)
    LOG.unlink(missing_ok=True)
    with console.status("preparing the environment and finding the benchmarks"):
        discover(name, commit)
    benchmarks = load_benchmarks(conf)
    chunks = report_chunks(benchmarks)
    before = newest_runs(conf, benchmarks, name).get(commit)
    pending = [
        chunk.narrowed(cells)
        for chunk in chunks
        if (cells := chunk.cells if again else chunk.missing(before))
    ]
    if len(pending) < len(chunks):
        console.print(
            f"{len(chunks) - len(pending)} of {len(chunks)} parts are measured for "
            f"{commit[:8]} already; --again measures them anew"
        )
    measuring = time.monotonic()
    done = pending[: _measure(name, commit, pending, budget_s, console)]
    left_s = budget_s - (time.monotonic() - measuring)
    _measure_once_more(name, commit, done, left_s, console)
    measured_s = time.monotonic() - measuring
    left_s = budget_s - (time.monotonic() - measuring)
    steps = confirm(name, left_s, console)
    run = newest_runs(conf, benchmarks, name).get(commit)
    if run is None:
        raise StoreError(f"asv left no results of {commit[:8]} for {name}; see {LOG}")
    print_results(run, console)
    left = pending[len(done) :]
    if done:
        console.print(
            f"measured {sum(len(chunk.cells) for chunk in done)} cells in {clock(measured_s)}, "
            f"{_timed_s(run, done) / measured_s:.0%} of it inside timed samples that count; "
            f"{clock(time.monotonic() - start)} in all"
        )
    if left:
        modules = {name.partition(".")[0] for chunk in left for name, _ in chunk.cells}
        console.print(
            f"{len(left)} of {len(chunks)} parts found no time in {clock(budget_s)} "
            f"(of {', '.join(sorted(modules))}): "
            "the next report goes on with them; --budget 30m takes more at once"
        )
    _print_steps(name, steps, console)
    _print_disturbed(run, console)
    _print_slowed(run, console)
    _print_failures(run, [chunk for chunk in chunks if chunk not in left], console)
    page = Path(conf.html_dir) / "index.html"
    console.print(f"report: {page} (make preview serves and opens it)", soft_wrap=True)


def _print_steps(machine: str, steps: list[Judged], console: Console) -> None:
    own = [found.state for found in steps if found.step.machine == machine]
    if State.CONFIRMED in own or State.UNCHECKED in own:
        console.print(
            f"{own.count(State.CONFIRMED)} steps up in this machine's history are confirmed, "
            f"{own.count(State.UNCHECKED)} are not checked; "
            "python -m convbench confirm measures them"
        )


def _print_disturbed(run: Run, console: Console) -> None:
    cells = [record for record in run.records if record.disturbed]
    if cells:
        example = f"{cells[0].benchmark}{cells[0].key[1]} was {cells[0].reason}"
        console.print(
            f"{len(cells)} cells found the machine too busy and claim nothing; the next report "
            f"tries them again. {example}",
            markup=False,
            highlight=False,
        )


def _print_slowed(run: Run, console: Console) -> None:
    slowed = [record.slowdown for record in run.records if record.slowdown > TOLERANCE]
    if slowed:
        console.print(
            f"{len(slowed)} cells were measured while the machine itself was slower than it has "
            f"been seen to be, by a factor of {min(slowed):.2f} to {max(slowed):.2f}: compare them "
            "with each other, not with another run's",
            highlight=False,
        )


def _print_failures(run: Run, chunks: list[Chunk], console: Console) -> None:
    measured = {record.key for record in run.records}
    failed = sorted({cell for chunk in chunks for cell in chunk.cells} - measured, key=str)
    if failed:
        shown = "; ".join(f"{name}{values}" for name, values in failed[:3])
        console.print(f"{len(failed)} cells failed ({LOG} says why): {shown}", style="red")
