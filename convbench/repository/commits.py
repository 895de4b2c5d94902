"""Commits: which one a name means, the last ones, and what they say."""

from pathlib import Path

from convbench.command_line.failure import MisuseError
from convbench.repository.git import GitError, git


def commit_named(root: Path, name: str) -> str:
    """Return the hash of the commit that a branch, a tag or the beginning of a hash names.

    Raises
    ------
    MisuseError
        It names none, or git cannot read the repository. Whatever the name contains, git takes it
        for a name and never for an option.
    """
    problem = f"{name!r} names no commit of this repository"
    if not name.isprintable() or not name.strip():
        raise MisuseError(problem)
    try:
        found = git(
            root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
        )
    except GitError as error:
        git(root, "rev-parse", "--git-dir")  # says so if not the name is at fault
        said = f" ({error})" if str(error) else ""
        raise MisuseError(f"{problem}{said}") from None
    return found.strip()


def last_commits(count: int) -> list[str]:
    """Return the last commits of what is checked out, newest first.

    Of a merge only the first parent is followed, as asv does where it draws a branch's history.
    """
    return git(Path.cwd(), "rev-list", "--first-parent", f"--max-count={count}", "HEAD").split()


def message(commit: str) -> str:
    """Return the first line of a commit's message."""
    return git(Path.cwd(), "show", "--no-patch", "--format=%s", commit).strip()


def commits_in(root: Path, text: str) -> list[str]:
    """Return the commits of a range, main..HEAD say, newest first; of merges the first parents.

    Raises
    ------
    MisuseError
        It names none.
    """
    problem = f"{text!r} names no commits of this repository"
    if not text.isprintable() or not text.strip():
        raise MisuseError(problem)
    try:
        found = git(root, "rev-list", "--first-parent", "--end-of-options", text, "--").split()
    except GitError as error:
        raise MisuseError(f"{problem} ({error})") from None
    if not found:
        raise MisuseError(problem)
    return found
