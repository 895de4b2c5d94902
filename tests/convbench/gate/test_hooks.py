"""The gate in a git hook: the commit that is being made stays what it is."""

import subprocess
import sys
from pathlib import Path

import pytest

from convbench.gate.checkout import remove_leftovers
from convbench.repository.git import git

_HOOK = """#!/bin/sh
"{python}" -c "{main}" gate base slower --bench steady --budget 5s >"{log}" 2>&1
echo "status $?" >>"{log}"
exit 0
"""
_MAIN = "import sys; sys.path[0] = '{root}'; from convbench.__main__ import main; sys.exit(main())"
_IDENTITY = ("-c", "user.name=n", "-c", "user.email=e")


def commit(folder: Path, *arguments: str) -> None:
    """Commit as a user does, with hooks."""
    subprocess.run(
        ["git", *_IDENTITY, "commit", "--quiet", "--message", "by a user", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
    )


@pytest.mark.parametrize(
    ("hook", "linked", "arguments"),
    [
        ("pre-commit", False, ("--all",)),
        ("pre-commit", True, ()),
        ("commit-msg", False, ("--", ".gitignore")),
        ("post-commit", True, ("--all",)),
    ],
)
def test_a_commit_holds_what_its_author_meant(
    gate, tmp_path, monkeypatch, hook, linked, arguments
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(gate.cache))
    folder = gate.root
    if linked:
        folder = tmp_path / "linked"
        git(gate.root, "worktree", "add", "--quiet", str(folder), "-b", "linked")
    log, file = tmp_path / "log", gate.root / ".git" / "hooks" / hook
    file.parent.mkdir(exist_ok=True)
    main = _MAIN.format(root=Path(__file__).parents[3])
    file.write_text(_HOOK.format(python=sys.executable, main=main, log=log))
    file.chmod(0o755)
    (folder / ".gitignore").write_text("__pycache__/\nmine\n")
    if not arguments:
        git(folder, "add", ".gitignore")
    commit(folder, *arguments)
    assert git(folder, "show", "--format=", "--name-only", "HEAD").split() == [".gitignore"]
    assert git(folder, "status", "--porcelain") == ""
    assert log.read_text().splitlines()[-1] in ("status 0", "status 3"), log.read_text()


def test_the_users_worktrees_are_kept_where_their_disk_is_away(gate, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(gate.cache))
    for name in ("theirs", "cache/fftconv/gate/1-1/head-source"):
        git(gate.root, "worktree", "add", "--quiet", "--detach", str(tmp_path / name), "base")
    left = gate.cache / "fftconv" / "gate" / "1-1"
    (left / "repository").write_text(str(gate.root))
    (tmp_path / "theirs").rename(tmp_path / "away")
    assert remove_leftovers() == 1
    assert not left.exists()
    listed = git(gate.root, "worktree", "list", "--porcelain")
    assert str(tmp_path / "theirs") in listed
    assert "head-source" not in listed
