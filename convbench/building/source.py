"""Which states of the project are compared, and the repository that asv builds each from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convbench.building.saying import failed, refused
from convbench.command_line.failure import MisuseError
from convbench.repository.commits import commit_named
from convbench.repository.snapshot import committed_working_tree


@dataclass(frozen=True)
class Source:
    """A commit, and asv's repository that has it."""

    repository: Any
    commit: str


def project_repository(conf: Any) -> Any:
    """Return asv's repository of the project, cloned as asv does where it is elsewhere.

    Raises
    ------
    MisuseError
        asv cannot tell what it is, or cannot clone it.
    """
    from asv.repo import get_repo

    with refused("repo"), failed(f"repo {conf.repo}"):
        repository = get_repo(conf)
        repository.pull()
    return repository


def commit_of(repository: Any, name: str) -> str:
    """Return the hash of the commit that a name means in asv's repository.

    Raises
    ------
    MisuseError
        It means none.
    """
    from asv.plugins.git import Git
    from asv.repo import NoSuchNameError
    from asv.util import ProcessError

    if isinstance(repository, Git):  # git itself would take some names for options
        return commit_named(Path(repository._path), name)
    try:
        return str(repository.get_hash_from_name(name))
    except (NoSuchNameError, ProcessError):
        raise MisuseError(f"{name!r} names no commit of this repository") from None


def working_tree(conf: Any, folder: Path) -> Source:
    """Return the working tree as a commit of a repository in `folder`, which asv can build.

    The project's own repository gets no object and no reference. Files that git ignores are no
    part of it, as they are none of a commit.

    Raises
    ------
    MisuseError
        The project's repository is not on this machine, or not git's.
    """
    from asv.plugins.git import Git

    root = Path(str(conf.repo)).resolve()
    if not Git.is_local_repo(str(root)) or not (root / ".git").exists():
        raise MisuseError(
            f"name HEAD: this suite's repo is {conf.repo}, of which no working tree is here"
        )
    clone = folder / "working-tree"
    made = committed_working_tree(root, clone, asvs_folders(conf, root))
    return Source(Git(str(clone), conf.project), made)


def asvs_folders(conf: Any, root: Path) -> list[Path]:
    """Return the folders of asv's own in a repository, which it need not ignore."""
    named = (conf.env_dir, conf.results_dir, conf.html_dir)
    folders = [Path(str(name)).resolve() for name in named]
    return [folder for folder in folders if folder.is_relative_to(root) and folder != root]
