"""The repository that holds the measured package, asked by git's command line."""

import contextlib
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from convbench.store import StoreError

ROOT = Path(__file__).parents[1]


def git(*arguments: str) -> str:
    """Return what ``git`` prints for `arguments`; raise StoreError with its words if it fails."""
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StoreError(f"git {' '.join(arguments)}: {done.stderr.strip() or 'no such commit'}")
    return done.stdout.strip()


def commit_named(name: str) -> str:
    """Return the hash of the commit that a branch, a tag or the beginning of a hash names."""
    return git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")


@contextlib.contextmanager
def package(commit: str | None) -> Iterator[tuple[Path, str]]:
    """Give the folder that holds `fftconv` of a commit, or of the working tree, and its name."""
    if commit is None:
        yield ROOT, "working tree"
        return
    found = commit_named(commit)
    with tempfile.TemporaryDirectory(prefix="fftconv-") as folder:
        packed = Path(folder, "package.tar")
        git("archive", f"--output={packed}", found, "fftconv")
        with tarfile.open(packed) as archive:
            archive.extractall(folder)
        yield Path(folder), found[:8]


def last_commits(count: int) -> list[str]:
    """Return the last commits of what is checked out, newest first.

    Of a merge only the first parent is followed, as asv does where it draws a branch's history.
    """
    return git("rev-list", "--first-parent", f"--max-count={count}", "HEAD").split()


def message(commit: str) -> str:
    """Return the first line of a commit's message."""
    return git("show", "--no-patch", "--format=%s", commit)


def has_package(commit: str) -> bool:
    """Whether the package can be installed from a commit: it is there, and so is its set-up."""
    needed = {"fftconv/__init__.py", "pyproject.toml"}
    return needed == set(git("ls-tree", "--name-only", commit, *sorted(needed)).split("\n"))
