"""Backfill: which commits it takes, in which order, and how it goes on where it was ended."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from convbench.asv.command import AsvError
from convbench.asv.command import asv as run_asv
from convbench.backfill import making
from convbench.command_line.failure import MisuseError
from convbench.measuring.chunks import report_chunks
from convbench.repository.commits import last_commits, message
from convbench.results.store import Record, Run, load_benchmarks, load_config

ROOT = Path(__file__).parents[3]


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


class Asv:
    """Stands in for asv: notes what it was to measure, and keeps the results."""

    def __init__(self) -> None:
        self.measured: list[str] = []
        self.runs: dict[str, Run] = {}
        self.broken: set[str] = set()
        self.calls_left = 10**6

    def measure(self, machine: str, commit: str, chunk) -> None:
        if self.calls_left == 0:
            raise KeyboardInterrupt
        self.calls_left -= 1
        if commit in self.broken:
            raise AsvError("it cannot be installed")
        self.measured.append(commit)
        before = self.runs[commit].records if commit in self.runs else ()
        records = tuple(
            Record(name, dict(enumerate(values)), 1.0, None, None) for name, values in chunk.cells
        )
        self.runs[commit] = Run(machine, commit, 0, "env", {}, "3.11", (*before, *records))


@pytest.fixture
def history(tmp_path, monkeypatch) -> list[str]:
    """Make a repository whose first commit has no package; return its commits, newest first."""
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "No package yet")
    (tmp_path / "fftconv").mkdir()
    (tmp_path / "fftconv" / "__init__.py").touch()
    (tmp_path / "pyproject.toml").touch()
    git(tmp_path, "add", ".")
    for text in ("One", "Two", "Three"):
        git(tmp_path, "commit", "-q", "--allow-empty", "-m", text)
    monkeypatch.chdir(tmp_path)
    return git(tmp_path, "rev-list", "HEAD").split()


@pytest.fixture
def asv(monkeypatch) -> Asv:
    conf = load_config(ROOT / "asv.conf.json")
    conf.results_dir = str(ROOT / "results")
    made = Asv()
    monkeypatch.setattr(making, "load_config", lambda: conf)
    monkeypatch.setattr(making, "machine_name", lambda wanted: wanted)
    monkeypatch.setattr(making, "discover", lambda *_: None)
    monkeypatch.setattr(making, "confirm", lambda *_: [])
    monkeypatch.setattr(making, "measure", made.measure)
    monkeypatch.setattr(making, "newest_runs", lambda *_: made.runs)
    return made


BENCH = r"^conv2d\.(Forward|Accuracy)\."


def run(count: int = 10) -> str:
    console = Console(width=120)
    with console.capture() as capture:
        making.backfill(count, "machine", BENCH, console)
    return capture.get()


def test_the_newest_commit_comes_first_and_what_cannot_be_installed_is_said(history, asv) -> None:
    printed = run()
    assert list(dict.fromkeys(asv.measured)) == history[:3]
    assert "skipped: it has no fftconv" in " ".join(printed.split())
    assert "0:00 left" in printed


def test_only_the_last_commits_are_taken(history, asv) -> None:
    run(count=2)
    assert list(dict.fromkeys(asv.measured)) == history[:2]


def test_what_is_measured_is_not_measured_again(history, asv) -> None:
    asv.calls_left = 4
    with pytest.raises(KeyboardInterrupt):
        run()
    assert len(asv.measured) == 4
    asv.calls_left = 10**6
    run()
    pieces = len(asv.measured) // 3
    assert [asv.measured.count(commit) for commit in history] == [pieces] * 3 + [0]
    run()
    assert len(asv.measured) == 3 * pieces


def test_a_broken_commit_is_named_and_the_others_are_measured(history, asv) -> None:
    asv.broken = {history[1]}
    with pytest.raises(AsvError, match=f"{history[1][:8]}: it cannot be installed"):
        run()
    assert list(dict.fromkeys(asv.measured)) == [history[0], history[2]]


def test_a_pattern_that_matches_no_cell_is_said(history, asv) -> None:
    with pytest.raises(MisuseError, match="no cell of the suite matches --bench 'abacus'"):
        making.backfill(3, "machine", "abacus", Console())


@pytest.mark.parametrize(
    "pattern", [r"^conv2d\.Forward\.time_forward\('fft', 256, (3|15)\)", "nothing|31\\)$", "track"]
)
def test_asv_selects_the_cells_that_match_both(pattern) -> None:
    from asv.benchmarks import Benchmarks

    conf = load_config()
    benchmarks = load_benchmarks(conf)
    listed = list(benchmarks._all_benchmarks.values())

    def selected(regex: str) -> set[tuple[str, int]]:
        found = Benchmarks(conf, listed, regex=[regex])
        return {(n, i) for n in found for i in found.benchmark_selection.get(n) or [0]}

    chunks = report_chunks(benchmarks, pattern)
    parts = [selected(chunk.regex) for chunk in chunks]
    assert set().union(*parts) == selected(pattern)
    assert sum(map(len, parts)) == len(set().union(*parts))
    assert [len(part) for part in parts] == [len(chunk.cells) for chunk in chunks]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("0",), "'0' is no number of commits"),
        (("-3",), "'-3' is no number of commits"),
        (("many",), "'many' is no number of commits"),
        (("--bench", "("), "no regular expression"),
        (("--bench", "(?i)x"), "no regular expression"),
    ],
)
def test_misuse_ends_with_2(monkeypatch, capsys, arguments, message) -> None:
    from convbench.__main__ import main

    monkeypatch.setattr("sys.argv", ["convbench", "backfill", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_merge_counts_once_and_its_branch_not(history) -> None:
    folder = Path.cwd()
    git(folder, "checkout", "-q", "-b", "side", "HEAD^")
    git(folder, "commit", "-q", "--allow-empty", "-m", "On the side")
    git(folder, "checkout", "-q", "main")
    git(folder, "merge", "-q", "--no-ff", "-m", "Merge", "side")
    assert last_commits(3)[1:] == history[:2]
    assert message(last_commits(1)[0]) == "Merge"


_HOLD = """
import fcntl, sys
lock = open(".asv/lock", "w")
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def test_an_asv_that_was_left_behind_is_waited_for(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".asv").mkdir()
    # It holds the lock as an asv does whose starter was killed.
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as left:
        assert left.stdin is not None
        assert left.stdout is not None
        assert left.stdout.readline() == b"held\n"
        end = left.stdin.close

        class Told(io.StringIO):
            """Lets the other go on as soon as it is said that it is waited for."""

            def write(self, text: str) -> int:
                end()
                return super().write(text)

        told = Told()
        monkeypatch.setattr(sys, "stderr", told)
        with pytest.raises(AsvError, match="asv show failed"):
            run_asv("show")  # there is no asv.conf.json here
    assert "waiting for another measurement" in told.getvalue()
