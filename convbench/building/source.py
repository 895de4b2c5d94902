"""Which states of the project are compared, and the repository that asv builds each from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convbench.building.saying import failed, refused
from convbench.command_line.failure import MisuseError
from convbench.repository.commits import commit_named
from convbench.repository.git import git
from convbench.repository.working_tree import copy_working_tree


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
    copy = folder / "working-tree"
    git(root, "clone", "--quiet", "--shared", "--no-checkout", str(root), str(copy))
    git(copy, "read-tree", "HEAD")
    copy_working_tree(root, copy, links=True, without=_asvs_folders(conf, root))
    _keep_submodules(copy)
    git(copy, "add", "--all", "--force")
    # As long as nothing has changed it is the commit itself, and asv may have built that.
    if git(copy, "write-tree") == git(copy, "rev-parse", "HEAD^{tree}"):
        return Source(Git(str(copy), conf.project), commit_named(copy, "HEAD"))
    return Source(Git(str(copy), conf.project), _committed(copy))


def _asvs_folders(conf: Any, root: Path) -> list[Path]:
    """Return the folders of asv's own in a repository, which it need not ignore."""
    named = (conf.env_dir, conf.results_dir, conf.html_dir)
    folders = [Path(str(name)).resolve() for name in named]
    return [folder for folder in folders if folder.is_relative_to(root) and folder != root]


def _committed(copy: Path) -> str:
    """Make a commit of the index; the same each time, so that asv finds it built."""
    tree, parent = git(copy, "write-tree").strip(), commit_named(copy, "HEAD")
    seconds = git(copy, "show", "--no-patch", "--format=%ct", "HEAD").strip()
    who = f"convbench <convbench@localhost> {seconds} +0000"
    text = f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\nworking tree\n"
    file = copy.with_name("working-tree-commit")
    file.write_text(text, encoding="utf-8")
    made = git(copy, "hash-object", "-t", "commit", "-w", str(file)).strip()
    # What asv clones is what a reference leads to.
    git(copy, "update-ref", "refs/heads/convbench-working-tree", made)
    return made


def _keep_submodules(copy: Path) -> None:
    """Have git see submodules, which are folders to it, as they are in the commit."""
    for line in git(copy, "ls-files", "--stage", "-z").split("\0"):
        if line.startswith("160000 "):
            (copy / line.partition("\t")[2]).mkdir(parents=True, exist_ok=True)
