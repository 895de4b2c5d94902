"""The working tree: what git would keep of it, as it is on disk."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from convbench.repository.git import git


def copy_working_tree(
    root: Path, target: Path, *folders: str, links: bool = False, without: Iterable[Path] = ()
) -> None:
    """Copy what git tracks or would track, as it is on disk, changes included.

    Parameters
    ----------
    root
        The repository.
    target
        Where it is copied to.
    folders
        Which parts of it; all, if none are named.
    links
        Whether a symbolic link is copied as what it is, and not as what it leads to.
    without
        Folders below `root` of which only what is tracked already is copied.
    """
    excluded = [f"--exclude=/{folder.relative_to(root).as_posix()}/" for folder in without]
    listed = git(
        root,
        *("ls-files", "-z", "--cached", "--others", "--exclude-standard", *excluded),
        *("--", *folders),
    )
    for name in dict.fromkeys(filter(None, listed.split("\0"))):
        source = root / name
        kept = links and source.is_symlink()
        if kept or source.is_file():  # deleted files are in the index; submodules are folders
            copied = target / name
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copied, follow_symlinks=not kept)
