"""The measured package of a commit, as a folder to import it from."""

import contextlib
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from convbench.repository.commits import commit_named
from convbench.repository.git import git
from convbench.suite.facts import PACKAGE

ROOT = Path(__file__).parents[2]
"""The clone that holds this file."""


@contextlib.contextmanager
def package(commit: str | None) -> Iterator[tuple[Path, str]]:
    """Give the folder that holds the package of a commit, or of the working tree, and its name."""
    if commit is None:
        yield ROOT, "working tree"
        return
    here = Path.cwd()
    found = commit_named(here, commit)
    with tempfile.TemporaryDirectory(prefix=f"{PACKAGE}-") as folder:
        packed = Path(folder, "package.tar")
        git(here, "archive", f"--output={packed}", found, PACKAGE)
        with tarfile.open(packed) as archive:
            archive.extractall(folder)
        yield Path(folder), found[:8]


def has_package(commit: str) -> bool:
    """Whether the package can be installed from a commit: it is there, and so is its set-up."""
    needed = {f"{PACKAGE}/__init__.py", "pyproject.toml"}
    return needed == set(git(Path.cwd(), "ls-tree", "--name-only", commit, *sorted(needed)).split())
