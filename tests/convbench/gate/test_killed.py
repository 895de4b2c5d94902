"""kill -9 at random moments: no process stays, and the next run removes what was left."""

import json
import random
import signal
import time
from pathlib import Path

import psutil
import pyperf
import pytest

from convbench.gate.checkout import remove_leftovers, run_folder
from convbench.repository.git import git


def _workers(cache: Path) -> list[psutil.Process]:
    """Return the processes that run in the cache, or were told of it."""
    return [
        process
        for process in psutil.process_iter(["cmdline", "cwd"])
        if str(cache) in f"{process.info['cwd']} {process.info['cmdline']}"
    ]


def _left_running(cache: Path, within_s: float) -> list[psutil.Process]:
    """Wait until there are none: git and pip end what they began, workers at once."""
    end = time.monotonic() + within_s
    while (left := _workers(cache)) and time.monotonic() < end:
        time.sleep(0.05)
    return left


@pytest.mark.parametrize("seed", range(3))
def test_a_kill_leaves_nothing_that_the_next_run_does_not_remove(
    gate, tmp_path, monkeypatch, seed
) -> None:
    file = tmp_path / "out.json"
    file.write_text("what was there")
    process = gate.start("base", "slower", "--bench", "sleep", "--json", str(file))
    # Else the kill may come before there is anything to leave.
    gate.wait_until(process, lambda: gate.left)
    # From the checkouts through the installation into the measurement.
    time.sleep(random.Random(seed).uniform(0.0, 4.0))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert file.read_text() == "what was there"
    assert _left_running(gate.cache, gate.WITHIN_S) == []
    assert len(gate.left) == 1

    monkeypatch.setenv("XDG_CACHE_HOME", str(gate.cache))
    with run_folder(gate.root) as folder:  # what a run begins with
        assert gate.left == [folder]
    assert gate.left == []
    assert len(git(gate.root, "worktree", "list").splitlines()) == 1


def test_a_run_that_is_alive_is_left_alone_and_a_dead_one_is_not(gate, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(gate.cache))
    with run_folder(gate.root) as folder:
        # The same number as this process, which began later: it cannot be this one's.
        dead = folder.with_name(f"{folder.name.split('-')[0]}-1")
        stranger = folder.with_name("notes")
        for made in (dead, stranger):
            made.mkdir()
        assert remove_leftovers() == 1
        assert gate.left == sorted([folder, stranger])
    assert gate.left == [stranger]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
def test_a_kill_at_any_moment_leaves_files_that_are_the_old_ones_or_whole(
    gate, tmp_path, monkeypatch, seed
) -> None:
    files = [tmp_path / name for name in ("g.json", "g.base.json", "g.head.json", "g.md")]
    for file in files:
        file.write_text("what was there")
    options = ("--json", str(files[0]), "--markdown", str(files[3]), "--budget", "5s")
    process = gate.start("base", "slower", "--bench", "steady", *options)
    end = time.monotonic() + random.Random(seed).uniform(0.0, 15.0)
    while process.poll() is None and time.monotonic() < end:
        # Half of the moments are while the files are written, which takes a hundredth of the time.
        if seed % 2 and any(file.name.endswith(".part") for file in tmp_path.iterdir()):
            break
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert _left_running(gate.cache, gate.WITHIN_S) == []
    for file in files:
        text = file.read_text()
        if text == "what was there":
            continue
        if file.suffix == ".md":
            assert text.startswith("### HEAD is slower")
            assert text.endswith("\n")
        elif file.name == "g.json":
            assert json.loads(text)["cells"]
        else:
            assert pyperf.BenchmarkSuite.load(str(file)).get_benchmark_names()
    monkeypatch.setenv("XDG_CACHE_HOME", str(gate.cache))
    with run_folder(gate.root) as folder:
        assert gate.left == [folder]
    assert len(git(gate.root, "worktree", "list").splitlines()) == 1
    git(gate.root, "fsck", "--no-dangling")
