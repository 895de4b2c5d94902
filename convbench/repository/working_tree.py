"""The working tree: what git would keep of it, as it is on disk."""

import shutil
from pathlib import Path

from convbench.repository.git import git


def copy_working_tree(root: Path, target: Path, *folders: str, links: bool = False) -> None:
    """Copy what git tracks or would track, as it is on disk, changes included.

    A symbolic link is copied as what it leads to, or with `links` as what it is.
    """
    listed = git(
        root, *("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *folders)
    )
    for name in dict.fromkeys(filter(None, listed.split("\0"))):
        source = root / name
        kept = links and source.is_symlink()
        if kept or source.is_file():  # deleted files are in the index; submodules are folders
            copied = target / name
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copied, follow_symlinks=not kept)
