"""Git, by its command line."""

import os
import subprocess
from pathlib import Path

from convbench.command_line.failure import CommandError, MisuseError
from convbench.repository.environment import without_callers_repository

# The user's hooks are for the user's checkouts and commits; and so is the lock of the index, which
# `git status` would take to write down what it has found out.
_OURS = ("--no-optional-locks", "-c", "core.hooksPath=/dev/null")
# The marks of what went wrong, in the order of what a reader has to know. Progress is beside them.
_MARKS = ("fatal: ", "error: ")


class GitError(MisuseError):
    """Git failed; the message is what it said."""


def _said(standard_error: str) -> str:
    """Return the line that says what is wrong, empty where none does."""
    lines = [line.strip() for line in standard_error.splitlines() if line.strip()]
    marked = [line for mark in _MARKS for line in lines if line.startswith(mark)]
    return marked[0] if marked else "".join(lines[-1:])


def git(root: Path, *arguments: str) -> str:
    """Run git in `root`, on the repository that is there, and return what it printed.

    Raises
    ------
    GitError
        It failed; with the line of its own that says why, empty if it said nothing.
    CommandError
        There is no git.
    """
    # Its words are read here, so it is to speak one language.
    environment = {**without_callers_repository(os.environ), "LC_ALL": "C"}
    command = ["git", *_OURS, *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise CommandError(f"git cannot be run: {error.strerror} ({error.filename})") from None
    if done.returncode < 0:
        raise CommandError(f"git {arguments[0]} was ended by signal {-done.returncode}")
    if done.returncode > 0:
        raise GitError(_said(done.stderr.decode(errors="replace")))
    return done.stdout.decode(errors="surrogateescape")
