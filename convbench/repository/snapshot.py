"""The working tree as a commit, in a clone without files: the repository gets no object of it."""

from collections.abc import Iterable
from pathlib import Path

from convbench.repository.git import git

_REFERENCE = "refs/heads/convbench-working-tree"
_SUBMODULE = "160000"


def committed_working_tree(root: Path, clone: Path, without: Iterable[Path] = ()) -> str:
    """Make a bare clone of a repository, and in it a commit of the working tree; return its hash.

    The hash is the same each time for the same files. As long as nothing has changed it is that of
    the commit that is checked out.

    Parameters
    ----------
    root
        The repository: the top of its working tree.
    clone
        Where the clone is made. It borrows the repository's objects.
    without
        Folders below `root` of which only what is tracked already is taken.

    Raises
    ------
    GitError
        Git cannot: a clone with a part of its history, for one.
    """
    git(root, "clone", "--quiet", "--bare", "--shared", "--no-local", ".", str(clone))
    head = git(root, "rev-parse", "HEAD").strip()
    # What the repository alone ignores is noted where a clone does not get it from.
    noted = root / git(root, "rev-parse", "--git-path", "info/exclude").rstrip("\n")
    lines = noted.read_text(encoding="utf-8").splitlines() if noted.is_file() else []
    lines += [f"/{folder.relative_to(root).as_posix()}/" for folder in without]
    (clone / "info").mkdir(exist_ok=True)
    (clone / "info" / "exclude").write_text("\n".join([*lines, ""]), encoding="utf-8")
    here = (f"--git-dir={clone}", f"--work-tree={root}")
    git(root, *here, "read-tree", head)
    git(root, *here, "add", "--all")
    _keep_submodules(root, here, head)
    tree = git(clone, "write-tree").strip()
    made = head
    if tree != git(root, "rev-parse", f"{head}^{{tree}}").strip():
        made = _commit(clone, tree, head)
    git(clone, "update-ref", _REFERENCE, made)
    return made


def _keep_submodules(root: Path, here: tuple[str, str], head: str) -> None:
    """Have the index say of submodules what the commit does, whatever is checked out in them."""
    staged = _submodules(git(root, *here, "ls-files", "--stage", "-z"))
    committed = _submodules(git(root, "ls-tree", "-r", "-z", head))
    for name in staged.keys() - committed.keys():
        git(root, *here, "update-index", "--force-remove", "--", name)
    for name, commit in committed.items():
        if name in staged and staged[name] != commit:
            git(root, *here, "update-index", "--cacheinfo", f"{_SUBMODULE},{commit},{name}")


def _submodules(listed: str) -> dict[str, str]:
    """Return the commit of each submodule that git lists."""
    found = {}
    for line in listed.split("\0"):
        facts, _, name = line.partition("\t")
        words = facts.split()
        if words and words[0] == _SUBMODULE:
            # An index has the hash before the stage, a tree has it after the type.
            found[name] = words[2] if words[1] == "commit" else words[1]
    return found


def _commit(clone: Path, tree: str, parent: str) -> str:
    """Make a commit that is the same each time: asv finds it built, a worker its checkout."""
    seconds = git(clone, "show", "--no-patch", "--format=%ct", parent).strip()
    who = f"convbench <convbench@localhost> {seconds} +0000"
    text = f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\nworking tree\n"
    file = clone / "working-tree-commit"
    file.write_text(text, encoding="utf-8")
    return git(clone, "hash-object", "-t", "commit", "-w", str(file)).strip()
