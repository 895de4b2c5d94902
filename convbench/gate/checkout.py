"""Both states as folders of their own, in the user's cache, gone when the gate ends.

A run's folder is named by the process and the moment it began, so that the next run can tell what
a killed one has left, and removes it.
"""

import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import platformdirs
import psutil

from convbench.command_line.failure import CommandError
from convbench.gate.revisions import Revision
from convbench.repository.git import git
from convbench.repository.working_tree import copy_working_tree
from convbench.suite.facts import PACKAGE

_NAME = re.compile(r"(\d+)-(\d+)")
_OWNER = "repository"


def _home() -> Path:
    return platformdirs.user_cache_path(PACKAGE) / "gate"


def _name() -> str:
    process = psutil.Process()
    return f"{process.pid}-{round(process.create_time())}"


def _alive(folder: Path) -> bool:
    """Whether the process that made the folder still runs (another may have its number now)."""
    named = _NAME.fullmatch(folder.name)
    if named is None:
        return True  # not one of ours: leave it alone
    pid, began = map(int, named.groups())
    try:
        return bool(abs(psutil.Process(pid).create_time() - began) <= 1)
    except psutil.NoSuchProcess:
        return False


def _remove(folder: Path) -> None:
    """Remove a run's folder, and have its repository forget the worktrees in it."""
    owner = folder / _OWNER
    # A killed run may have left this file empty: then it had made no worktree yet.
    text = owner.read_text(encoding="utf-8") if owner.exists() else ""
    shutil.rmtree(folder, ignore_errors=True)
    if text and Path(text).is_dir():
        # What git cannot do now is done by the next run, or by git's own housekeeping.
        with contextlib.suppress(CommandError):
            _forget_worktrees(Path(text), folder)


def _forget_worktrees(root: Path, folder: Path) -> None:
    """Have the repository forget the worktrees in a folder that is gone.

    These alone: `git worktree prune` would forget the user's own on a disk that is not there now.
    """
    listed = git(root, "worktree", "list", "--porcelain").splitlines()
    for path in (line.removeprefix("worktree ") for line in listed if line.startswith("worktree ")):
        if Path(path).is_relative_to(folder.resolve()):
            git(root, "worktree", "remove", "--force", "--force", path)


def remove_leftovers() -> int:
    """Remove what killed runs left; return how many there were."""
    if not _home().is_dir():
        return 0
    dead = [folder for folder in _home().iterdir() if folder.is_dir() and not _alive(folder)]
    for folder in dead:
        _remove(folder)
    return len(dead)


@contextlib.contextmanager
def run_folder(root: Path) -> Iterator[Path]:
    """Give this run's folder, and remove it and its worktrees at the end."""
    remove_leftovers()
    folder = _home() / _name()
    folder.mkdir(parents=True, mode=0o700)
    try:
        (folder / _OWNER).write_text(str(root), encoding="utf-8")
        yield folder
    finally:
        _remove(folder)


def check_out(root: Path, revision: Revision, target: Path) -> None:
    """Make `target` a folder with the revision's files."""
    if revision.commit is None:
        copy_working_tree(root, target)
    else:
        git(root, "worktree", "add", "--detach", str(target), revision.commit)
