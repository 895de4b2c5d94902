"""kill -9 at random moments: no process stays, and the next run removes what was left."""

import random
import signal
import time
from pathlib import Path

import psutil
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
