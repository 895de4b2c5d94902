"""What a hook tells its children stays with the hook; what the machine needs goes on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from convbench.repository.environment import without_callers_repository
from convbench.repository.git import git

ROOT = Path(__file__).parents[3]


def bound() -> list[str]:
    """Return the variables that bind git to a repository, as git itself lists them."""
    return git(ROOT, "rev-parse", "--local-env-vars").split()


def test_nothing_that_git_calls_its_own_is_handed_on() -> None:
    assert "GIT_INDEX_FILE" in bound()
    told = dict.fromkeys([*bound(), "GIT_QUARANTINE_PATH", "GIT_NAMESPACE", "GIT_OF_2030"], "x")
    assert without_callers_repository({**told, "PATH": "p"}) == {"PATH": "p"}


def test_what_says_how_git_works_here_is_handed_on() -> None:
    kept = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_SSL_CAINFO": "x", "GIT_EXEC_PATH": "y"}
    assert without_callers_repository(kept) == kept


@pytest.mark.parametrize(
    "given",
    [
        {
            "GIT_CONFIG_COUNT": "3",
            "GIT_CONFIG_KEY_0": "core.worktree",
            "GIT_CONFIG_VALUE_0": "/",
            "GIT_CONFIG_KEY_1": "safe.directory",
            "GIT_CONFIG_VALUE_1": "/a b",
            "GIT_CONFIG_KEY_2": "core.bare",
            "GIT_CONFIG_VALUE_2": "true",
        },
        {"GIT_CONFIG_PARAMETERS": "'core.bare=true' 'Safe.Directory=/a b'"},
        {"GIT_CONFIG_PARAMETERS": "'safe.directory'='/a b' 'core.worktree'='/'"},
    ],
)
def test_of_the_settings_for_one_command_only_the_permission_to_read_is_handed_on(given) -> None:
    assert without_callers_repository(given) == {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "/a b",
    }


@pytest.mark.parametrize("given", ["'", "x", "''", "-1"])
def test_settings_that_cannot_be_read_are_none(given) -> None:
    told = {"GIT_CONFIG_PARAMETERS": given, "GIT_CONFIG_COUNT": given, "PATH": "p"}
    assert without_callers_repository(told) == {"PATH": "p"}


_CHILD = """
import os, subprocess, sys
{load}
subprocess.run([sys.executable, "-c", "import os; print([n for n in os.environ if 'GIT' in n])"])
"""
_COMMAND_LINE = """
import convbench.__main__ as main
sys.argv[1:] = ["summary", "--machine", "abacus"]
main.main()
"""


@pytest.mark.parametrize("load", ["import convbench.asv_plugin", _COMMAND_LINE])
def test_what_our_commands_start_and_what_asv_starts_is_not_told(load) -> None:
    plain = {name: value for name, value in os.environ.items() if "GIT" not in name}
    told = {**plain, **dict.fromkeys(bound(), str(ROOT)), "GIT_CONFIG_COUNT": "0"}
    done = subprocess.run(
        [sys.executable, "-c", _CHILD.format(load=load)],
        cwd=ROOT,
        env=told,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
