"""Git is asked about the folder that is meant, and its own words are what a user reads."""

from pathlib import Path

import pytest

from convbench.command_line.failure import CommandError, MisuseError
from convbench.repository.commits import commit_named
from convbench.repository.git import GitError, git
from convbench.repository.working_tree import copy_working_tree

_IDENTITY = ("-c", "user.name=n", "-c", "user.email=e")


def make(folder: Path, text: str) -> str:
    folder.mkdir()
    (folder / "file").write_text(text)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, *_IDENTITY, "commit", "--quiet", "--message", text)
    return git(folder, "rev-parse", "HEAD").strip()


@pytest.fixture
def repository(tmp_path) -> Path:
    make(tmp_path / "ours", "ours")
    return tmp_path / "ours"


def test_the_callers_repository_and_index_are_not_touched(
    repository, tmp_path, monkeypatch
) -> None:
    make(tmp_path / "callers", "callers")
    index = tmp_path / "callers" / ".git" / "index"
    before = index.read_bytes()
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "callers" / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "callers"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(index))
    monkeypatch.setenv("GIT_PREFIX", "sub/")
    assert git(repository, "show", "HEAD:file") == "ours"
    git(repository, "worktree", "add", "--detach", str(tmp_path / "tree"), "HEAD")
    assert (tmp_path / "tree" / "file").read_text() == "ours"
    copy_working_tree(repository, tmp_path / "copied")
    assert (tmp_path / "copied" / "file").read_text() == "ours"
    assert index.read_bytes() == before
    assert list((tmp_path / "callers" / ".git").glob("worktrees/*")) == []


def test_the_fatal_line_is_shown_and_not_the_progress_before_it(repository, tmp_path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(GitError, match=r"^fatal: .*full' already exists$"):
        git(repository, "worktree", "add", "--detach", str(tmp_path / "full"), "HEAD")


def test_a_trace_that_the_caller_asked_for_is_no_reason(repository, monkeypatch) -> None:
    monkeypatch.setenv("GIT_TRACE", "1")
    with pytest.raises(GitError, match=r"^fatal: "):
        git(repository, "show", "nothing")


def test_its_words_are_read_in_any_language(repository, monkeypatch) -> None:
    monkeypatch.setenv("LANGUAGE", "de:fr")
    with pytest.raises(GitError, match=r"^fatal: ambiguous argument 'nothing'"):
        git(repository, "log", "nothing")


def test_a_repository_of_somebody_else_is_what_is_wrong_and_not_the_name(
    repository, monkeypatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    with pytest.raises(MisuseError, match=r"^fatal: detected dubious ownership in repository"):
        commit_named(repository, "HEAD")
    # As containers allow it.
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "*")
    assert len(commit_named(repository, "HEAD")) == 40


def test_a_damaged_repository_is_what_is_wrong_and_not_the_name(repository) -> None:
    (repository / ".git" / "HEAD").rename(repository / ".git" / "H")
    with pytest.raises(MisuseError, match=r"^fatal: not a git repository"):
        commit_named(repository, "main")


def test_a_damaged_commit_is_said_beside_the_name(repository) -> None:
    commit = git(repository, "rev-parse", "HEAD").strip()
    file = repository / ".git" / "objects" / commit[:2] / commit[2:]
    file.chmod(0o644)
    file.write_bytes(b"")
    with pytest.raises(MisuseError, match=r"'HEAD' names no commit .*\(.*(corrupt|empty)"):
        commit_named(repository, "HEAD")


def test_where_there_is_no_git_it_says_so(repository, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    with pytest.raises(CommandError, match=r"git cannot be run: No such file or directory \(git\)"):
        git(repository, "status")


def test_a_git_that_is_killed_is_said(repository) -> None:
    with pytest.raises(CommandError, match="was ended by signal 9"):
        git(repository, "-c", "alias.die=!kill -9 $PPID", "die")
