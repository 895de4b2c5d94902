"""Names of commits: what git knows, and nothing else, whatever it contains."""

import subprocess
from pathlib import Path

import pytest

from convbench.command_line.failure import MisuseError
from convbench.gate.revisions import Revision, resolve, revisions
from convbench.repository.git import git


@pytest.fixture
def repository(tmp_path) -> Path:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "file").write_text("1")
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    git(tmp_path, "add", "--all")
    git(
        tmp_path,
        *("-c", "user.name=n", "-c", "user.email=e"),
        *("commit", "--quiet", "--no-verify", "--message", "first"),
    )
    return tmp_path


def test_a_name_becomes_its_hash(repository) -> None:
    commit = git(repository, "rev-parse", "HEAD").strip()
    assert resolve(repository, "main") == Revision(commit, "main")
    assert str(resolve(repository, "main")) == f"main ({commit[:8]})"
    assert str(resolve(repository, commit[:10])) == commit[:8]


def test_no_head_means_the_working_tree(repository) -> None:
    base, head = revisions(repository, "main", None)
    assert base.commit is not None
    assert head.commit is None
    assert str(head) == "working tree"


@pytest.mark.parametrize(
    "reference",
    [
        "",
        " ",
        "no-such-branch",
        "--upload-pack=touch hacked",
        "--help",
        "-h",
        "; touch hacked",
        "$(touch hacked)",
        "`touch hacked`",
        "main; touch hacked",
        "main\ntouch hacked",
        "main\0",
        "HEAD^{tree}",
        "HEAD..HEAD",
        "HEAD:file",
        "\udcff",
        "x" * 100_000,
        "../../etc/passwd",
    ],
)
def test_anything_else_is_refused_and_nothing_is_run(repository, reference) -> None:
    with pytest.raises(MisuseError, match="names no commit of this repository"):
        resolve(repository, reference)
    assert not list(repository.rglob("hacked*"))


def test_elsewhere_than_in_a_clone_it_says_so(tmp_path) -> None:
    with pytest.raises(MisuseError, match="root of the clone"):
        revisions(tmp_path, "HEAD", None)


def test_a_branch_that_looks_like_an_option_is_no_option(repository) -> None:
    subprocess.run(["git", "update-ref", "refs/heads/--help", "HEAD"], cwd=repository, check=True)
    assert resolve(repository, "--help").commit == resolve(repository, "main").commit
