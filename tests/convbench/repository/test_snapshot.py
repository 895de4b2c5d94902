"""The working tree as a commit: what git would keep of it, and no trace of it in the repository."""

import os
from pathlib import Path

import pytest

from convbench.repository.git import git
from convbench.repository.snapshot import committed_working_tree

_IDENTITY = ("-c", "user.name=n", "-c", "user.email=e", "-c", "protocol.file.allow=always")


def commit(root: Path) -> str:
    git(root, "add", "--all")
    git(root, *_IDENTITY, "commit", "--quiet", "--message", "more")
    return git(root, "rev-parse", "HEAD").strip()


@pytest.fixture
def root(tmp_path) -> Path:
    made = tmp_path / "root"
    made.mkdir()
    git(made, "init", "--quiet", "--initial-branch", "main")
    (made / "file").write_text("one")
    (made / "gone").write_text("one")
    commit(made)
    return made


def files(clone: Path, made: str) -> dict[str, str]:
    listed = git(clone, "ls-tree", "-r", made).splitlines()
    return {line.partition("\t")[2]: line.split()[0] for line in listed}


def test_as_long_as_nothing_changed_it_is_the_commit(root, tmp_path) -> None:
    assert committed_working_tree(root, tmp_path / "a") == git(root, "rev-parse", "HEAD").strip()


def test_it_is_what_git_would_keep_and_the_same_each_time(root, tmp_path) -> None:
    (root / ".gitignore").write_text("*.tmp\n")
    (root / ".git" / "info" / "exclude").write_text("mine\n")
    (root / "gone").unlink()
    (root / "new").write_text("two")
    (root / "link").symlink_to("nowhere")
    for name in ("some.tmp", "mine"):
        (root / name).touch()
    before = git(root, "status", "--porcelain"), git(root, "count-objects", "-v")
    first, second = (committed_working_tree(root, tmp_path / name) for name in "ab")
    assert (git(root, "status", "--porcelain"), git(root, "count-objects", "-v")) == before
    assert first == second
    assert files(tmp_path / "a", first) == {
        ".gitignore": "100644",
        "file": "100644",
        "link": "120000",
        "new": "100644",
    }
    assert git(tmp_path / "a", "rev-parse", f"{first}^") == git(root, "rev-parse", "HEAD")
    # What asv clones, it clones from there.
    git(tmp_path, "clone", "--quiet", "--shared", str(tmp_path / "a"), "c")
    git(tmp_path / "c", "checkout", "--quiet", first)
    assert (tmp_path / "c" / "new").read_text() == "two"


def test_of_folders_that_are_left_out_what_is_tracked_comes_along(root, tmp_path) -> None:
    (root / "results").mkdir()
    (root / "results" / "kept").write_text("one")
    commit(root)
    (root / "results" / "kept").write_text("two")
    (root / "results" / "other").write_text("two")
    made = committed_working_tree(root, tmp_path / "a", [root / "results"])
    assert set(files(tmp_path / "a", made)) == {"file", "gone", "results/kept"}
    assert git(tmp_path / "a", "show", f"{made}:results/kept") == "two"


def test_submodules_are_as_the_commit_has_them(root, tmp_path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "--quiet")
    (other / "file").write_text("one")
    was = commit(other)
    git(root, *_IDENTITY, "submodule", "--quiet", "add", str(other), "sub")
    head = commit(root)
    (root / "sub" / "file").write_text("two")
    commit(root / "sub")
    nested = root / "nested"
    nested.mkdir()
    git(nested, "init", "--quiet")
    (nested / "file").write_text("one")
    commit(nested)
    assert committed_working_tree(root, tmp_path / "a") == head
    assert was in git(tmp_path / "a", "ls-tree", head, "sub")


def test_it_works_from_a_worktree(root, tmp_path) -> None:
    git(root, "worktree", "add", "--quiet", "--detach", str(tmp_path / "tree"))
    (tmp_path / "tree" / "new").write_text("two")
    made = committed_working_tree(tmp_path / "tree", tmp_path / "a")
    assert "new" in files(tmp_path / "a", made)
    assert not os.path.lexists(root / "new")
