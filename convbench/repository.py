"""The repository that holds the measured package, asked by git's command line."""

import contextlib
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from convbench.failure import MisuseError

ROOT = Path(__file__).parents[1]

# The user's hooks are for the user's checkouts and commits.
_NO_HOOKS = ("-c", "core.hooksPath=/dev/null")


def git(root: Path, *arguments: str) -> str:
    """Run git in `root` and return what it printed.

    Raises
    ------
    MisuseError
        git failed; with the first line that it said.
    """
    command = ["git", *_NO_HOOKS, *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, check=False)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise MisuseError(f"git failed: {said[0]}")
    return done.stdout.decode(errors="surrogateescape")


def commit_named(root: Path, name: str) -> str:
    """Return the hash of the commit that a branch, a tag or the beginning of a hash names.

    Raises
    ------
    MisuseError
        It names none. Whatever it contains, git takes it for a name and never for an option.
    """
    problem = MisuseError(f"{name!r} names no commit of this repository")
    if not name.isprintable() or not name.strip():
        raise problem
    try:
        found = git(
            root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
        )
    except MisuseError:
        raise problem from None
    return found.strip()


@contextlib.contextmanager
def package(commit: str | None) -> Iterator[tuple[Path, str]]:
    """Give the folder that holds `fftconv` of a commit, or of the working tree, and its name."""
    if commit is None:
        yield ROOT, "working tree"
        return
    here = Path.cwd()
    found = commit_named(here, commit)
    with tempfile.TemporaryDirectory(prefix="fftconv-") as folder:
        packed = Path(folder, "package.tar")
        git(here, "archive", f"--output={packed}", found, "fftconv")
        with tarfile.open(packed) as archive:
            archive.extractall(folder)
        yield Path(folder), found[:8]


def last_commits(count: int) -> list[str]:
    """Return the last commits of what is checked out, newest first.

    Of a merge only the first parent is followed, as asv does where it draws a branch's history.
    """
    return git(Path.cwd(), "rev-list", "--first-parent", f"--max-count={count}", "HEAD").split()


def message(commit: str) -> str:
    """Return the first line of a commit's message."""
    return git(Path.cwd(), "show", "--no-patch", "--format=%s", commit).strip()


def has_package(commit: str) -> bool:
    """Whether the package can be installed from a commit: it is there, and so is its set-up."""
    needed = {"fftconv/__init__.py", "pyproject.toml"}
    return needed == set(git(Path.cwd(), "ls-tree", "--name-only", commit, *sorted(needed)).split())
