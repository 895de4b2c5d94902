"""The bundle that workers get: the commits and the working tree, and nothing left behind here."""

import subprocess
from pathlib import Path

import pytest

from convbench.command_line.failure import MisuseError
from convbench.repository.commits import commits_in
from convbench.sweep.bundle import Bundle, bundled


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def cloned(bundle: Bundle, folder: Path) -> Path:
    folder.mkdir()
    (folder / "bundle").write_bytes(bundle.data)
    git(folder, "clone", "-q", "--no-checkout", "bundle", "clone")
    git(folder / "clone", "checkout", "-q", "--detach", bundle.head)
    return folder / "clone"


def test_a_clean_tree_is_its_commit(repository, tmp_path) -> None:
    bundle = bundled(repository, commits_in(repository, "HEAD"))
    assert bundle.head == git(repository, "rev-parse", "HEAD")
    clone = cloned(bundle, tmp_path / "there")
    assert git(clone, "rev-list", "HEAD") == git(repository, "rev-list", "HEAD")


def test_changes_and_new_files_come_along_and_ignored_ones_do_not(repository, tmp_path) -> None:
    (repository / ".gitignore").write_text("*.tmp\n")
    (repository / "new.py").write_text("new = 1\n")
    (repository / "some.tmp").touch()
    (repository / "convbench" / "__init__.py").write_text("changed = 1\n")
    before = git(repository, "status", "--porcelain"), git(repository, "for-each-ref")
    bundle = bundled(repository, [])
    assert (git(repository, "status", "--porcelain"), git(repository, "for-each-ref")) == before
    clone = cloned(bundle, tmp_path / "there")
    assert (clone / "new.py").read_text() == "new = 1\n"
    assert (clone / "convbench" / "__init__.py").read_text() == "changed = 1\n"
    assert not (clone / "some.tmp").exists()
    assert git(clone, "rev-parse", "HEAD^") == git(repository, "rev-parse", "HEAD")


def test_a_commit_beside_the_history_comes_along(repository, tmp_path) -> None:
    git(repository, "checkout", "-q", "-b", "side", "HEAD^")
    git(repository, "commit", "-q", "--allow-empty", "-m", "On the side")
    side = git(repository, "rev-parse", "HEAD")
    git(repository, "checkout", "-q", "main")
    clone = cloned(bundled(repository, [side]), tmp_path / "there")
    assert git(clone, "cat-file", "-t", side) == "commit"
    assert git(clone, "rev-parse", "HEAD") == git(repository, "rev-parse", "main")


def test_the_key_says_whether_a_checkout_can_be_used_again(repository) -> None:
    (repository / "new.py").write_text("new = 1\n")
    first, same = bundled(repository, []), bundled(repository, [])
    assert first.key == same.key
    (repository / "new.py").write_text("new = 2\n")
    assert bundled(repository, []).key != first.key


@pytest.mark.parametrize("text", ["HEAD..HEAD", "nothing..HEAD", "--all", "", " ", "a\nb"])
def test_a_range_that_names_nothing_is_refused(repository, text) -> None:
    with pytest.raises(MisuseError, match="names no commits of this repository"):
        commits_in(repository, text)
