"""The working tree: what git would keep of it, as it is on disk."""

import shutil
from pathlib import Path

from convbench.repository.git import git


def copy_working_tree(root: Path, target: Path, *folders: str) -> None:
    """Copy what git tracks or would track, as it is on disk, changes included.

    Parameters
    ----------
    root
        The repository.
    target
        Where it is copied to.
    folders
        Which parts of it; all, if none are named.
    """
    listed = git(
        root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *folders
    )
    for name in dict.fromkeys(filter(None, listed.split("\0"))):
        source = root / name
        if source.is_file():  # deleted files are in the index; submodules are folders
            copied = target / name
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copied)
