"""Measure what the last commits lack, piece by piece.

Each commit is cut into the pieces of `convbench report`. asv saves a piece when it is done, so a
run that was interrupted or killed goes on where it was, by the same command.
"""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from convbench.asv.command import LOG, AsvError
from convbench.asv.machines import machine_name
from convbench.command_line.failure import MisuseError
from convbench.command_line.progress import track
from convbench.confirm.command import confirm, print_steps
from convbench.measuring.chunks import Chunk, report_chunks
from convbench.measuring.measure import discover, measure, newest_runs
from convbench.repository.commits import commit_named, last_commits, message
from convbench.repository.package import has_package
from convbench.results.store import load_benchmarks, load_config
from convbench.suite.facts import PACKAGE

CONFIRM_S = 300.0
"""For how long the steps of the histories are measured again."""


@dataclass(frozen=True)
class _Commit:
    """One commit with the pieces that it lacks."""

    name: str
    pending: list[Chunk]
    skipped: str | None
    """Why nothing of it is measured, in a sentence."""


def backfill(last: int, machine: str | None, bench: str | None, console: Console) -> None:
    """Measure what is missing of the `last` commits, newest first, and publish.

    Raises
    ------
    MisuseError, AsvError
        With a message of one line: there is no such cell, or some commit could not be measured.
    """
    name = machine_name(machine)
    head = commit_named(Path.cwd(), "HEAD")
    LOG.unlink(missing_ok=True)
    with console.status("preparing the environment and finding the benchmarks"):
        discover(name, head)
    commits = _plan(last, name, bench)
    _print_plan(commits, console)
    failures = _measure(name, commits, console)
    with console.status("publishing"):
        # The measured commits had asv note their benchmarks; the report's are those of now.
        discover(name, head)
    steps = confirm(name, CONFIRM_S, console)
    _print_incomplete(_plan(last, name, bench), console)
    print_steps(name, steps, console)
    console.print(f"report: {load_config().html_dir}/index.html (make preview serves and opens it)")
    if failures:
        raise AsvError("; ".join(f"{commit[:8]}: {said}" for commit, said in failures.items()))


def _plan(last: int, machine: str, bench: str | None) -> list[_Commit]:
    conf = load_config()
    benchmarks = load_benchmarks(conf)
    chunks = report_chunks(benchmarks, bench)
    if not chunks:
        raise MisuseError(f"no cell of the suite matches --bench {bench!r}")
    measured = newest_runs(conf, benchmarks, machine)
    commits = []
    for commit in last_commits(last):
        if not has_package(commit):
            commits.append(_Commit(commit, [], f"it has no {PACKAGE} that could be installed"))
            continue
        run = measured.get(commit)
        pending = [chunk.narrowed(cells) for chunk in chunks if (cells := chunk.missing(run))]
        commits.append(_Commit(commit, pending, None))
    return commits


def _measure(machine: str, commits: list[_Commit], console: Console) -> dict[str, str]:
    """Measure every missing piece; return what asv said of the commits that it could not do."""
    pieces = [(commit.name, chunk) for commit in commits for chunk in commit.pending]
    titles = [f"{commit[:8]} {chunk.title}" for commit, chunk in pieces]
    failures: dict[str, str] = {}
    for index, _ in track(titles, [chunk.expected_s for _, chunk in pieces], console):
        commit, chunk = pieces[index]
        if commit in failures:
            continue
        try:
            measure(machine, commit, chunk)
        except AsvError as error:  # one broken commit is no reason to leave the others out
            failures[commit] = str(error)
    return failures


def _print_plan(commits: list[_Commit], console: Console) -> None:
    table = Table("commit", "message", "what is done", title="newest first")
    for commit in commits:
        count = len(commit.pending)
        pieces = "1 piece" if count == 1 else f"{count} pieces"
        pending = f"{pieces} to measure" if count else "has results"
        state = f"skipped: {commit.skipped}" if commit.skipped else pending
        table.add_row(commit.name[:8], message(commit.name), state)
    console.print(table)


def _print_incomplete(commits: list[_Commit], console: Console) -> None:
    left = [commit.name[:8] for commit in commits if commit.pending]
    if left:
        console.print(
            f"some cells failed or were disturbed at {', '.join(left)} ({LOG} says why); "
            "the same command tries them again",
            style="red",
        )
