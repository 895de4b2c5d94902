"""The repository in one file: the commits to measure, and the working tree that measures them."""

import hashlib
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from convbench.repository.git import git
from convbench.repository.snapshot import committed_working_tree

_TREE = "refs/heads/working-tree"


@dataclass(frozen=True)
class Bundle:
    """What a worker makes its checkout of."""

    data: bytes
    head: str
    """The commit to check out: the working tree as it is now."""
    key: str
    """The same for the same content: a worker keeps its checkout for it."""


def bundled(root: Path, commits: Iterable[str], without: Iterable[Path] = ()) -> Bundle:
    """Pack `commits` and the working tree of `root`, what git would keep of it, with changes.

    The benchmarks that measure are those of the working tree, as everywhere in this suite. Nothing
    is written into the repository: the commit of the working tree is made in a clone without files.
    Of the folders `without` only what is tracked comes along.

    Raises
    ------
    GitError
        Git cannot pack it: a clone with a part of its history, for one.
    """
    with tempfile.TemporaryDirectory(prefix="sweep-") as folder:
        clone, packed = Path(folder, "clone"), Path(folder, "bundle")
        made = committed_working_tree(root, clone, without)
        git(clone, "update-ref", _TREE, made)
        inside = set(git(clone, "rev-list", made).split())
        outside = sorted(set(commits) - inside)
        names = [_TREE]
        for index, commit in enumerate(outside):
            names.append(f"refs/heads/measured-{index}")
            git(clone, "update-ref", names[-1], commit)
        git(clone, "bundle", "create", "--quiet", str(packed), *names)
        key = hashlib.sha256(" ".join([made, *outside]).encode()).hexdigest()[:12]
        return Bundle(packed.read_bytes(), made, key)
