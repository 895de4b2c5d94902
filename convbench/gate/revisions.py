"""Which two states of the repository are compared."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from convbench.gate.failure import MisuseError

# The user's hooks are for the user's checkouts and commits.
_NO_HOOKS = ("-c", "core.hooksPath=/dev/null")


@dataclass(frozen=True)
class Revision:
    """A commit, or the working tree as it is now."""

    commit: str | None
    """Full hash; None for the working tree, changes that are not committed included."""
    given: str

    def __str__(self) -> str:
        """Name it for a reader: what was asked for, and the hash if that is something else."""
        if self.commit is None:
            return "working tree"
        short = self.commit[:8]
        return short if self.commit.startswith(self.given) else f"{self.given} ({short})"


def git(root: Path, *arguments: str) -> str:
    """Run git and return what it printed.

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


def resolve(root: Path, reference: str) -> Revision:
    """Return the commit that `reference` names.

    Raises
    ------
    MisuseError
        It names none. Whatever it contains, git takes it for a name and never for an option.
    """
    problem = MisuseError(f"{reference!r} names no commit of this repository")
    if not reference.isprintable() or not reference.strip():
        raise problem
    try:
        found = git(
            root,
            *("rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}"),
        )
    except MisuseError:
        raise problem from None
    return Revision(found.strip(), reference)


def revisions(root: Path, base: str, head: str | None) -> tuple[Revision, Revision]:
    """Return baseline and contender; `head` None means the working tree.

    Raises
    ------
    MisuseError
        `root` is no root of a clone with benchmarks, or one of the names names no commit.
    """
    if not (root / ".git").exists() or not (root / "benchmarks").is_dir():
        raise MisuseError("run this from the root of the clone")
    contender = Revision(None, "") if head is None else resolve(root, head)
    return resolve(root, base), contender
