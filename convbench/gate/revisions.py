"""Which two states of the repository are compared."""

from dataclasses import dataclass
from pathlib import Path

from convbench.command_line.failure import MisuseError
from convbench.repository.commits import commit_named


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


def resolve(root: Path, reference: str) -> Revision:
    """Return the commit that `reference` names; raise MisuseError if it names none."""
    return Revision(commit_named(root, reference), reference)


def revisions(root: Path, base: str, head: str | None) -> tuple[Revision, Revision]:
    """Return baseline and contender; `head` None means the working tree.

    Raises
    ------
    MisuseError
        `root` is no root of a clone with benchmarks, or one of the names names no commit.
    """
    if not (root / ".git").exists() or not (root / "benchmarks").is_dir():
        raise MisuseError(
            "there is no asv.conf.json here, nor is this the root of the clone; --config names one"
        )
    contender = Revision(None, "") if head is None else resolve(root, head)
    return resolve(root, base), contender
