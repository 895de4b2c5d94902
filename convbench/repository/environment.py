"""The variables of git that belong to whoever called us, and are not for what we call.

Git tells its hooks by variables which repository, index and objects they are about. A child that
inherits them works on those instead of on what is in its folder: `git worktree add` in a hook
writes another commit's tree into the index of the commit that is being made.
"""

import os
import shlex
from collections.abc import Mapping

# What says how git works here, not on what. Anything else that begins so is left behind, also what
# git may come to tell its hooks in the future.
_KEPT = {
    "GIT_ALLOW_PROTOCOL",
    "GIT_ASKPASS",
    "GIT_ATTR_NOSYSTEM",
    "GIT_CEILING_DIRECTORIES",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_SYSTEM",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    "GIT_EXEC_PATH",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_SSH_VARIANT",
    "GIT_TERMINAL_PROMPT",
    "GIT_TEST_ASSUME_DIFFERENT_OWNER",
}
_KEPT_PREFIXES = ("GIT_HTTP_", "GIT_PROXY_", "GIT_SSL_")
# Of the settings that the caller's git was given for one command (git -c, GIT_CONFIG_COUNT): in
# containers, whose checkouts belong to another user, this is how git is allowed to read them.
_KEPT_SETTING = "safe.directory"


def _for_one_command(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the settings that variables give, as names and values."""
    found = []
    count = environ.get("GIT_CONFIG_COUNT", "")
    for index in range(int(count) if count.isdecimal() else 0):
        name, value = (environ.get(f"GIT_CONFIG_{part}_{index}") for part in ("KEY", "VALUE"))
        if name is None or value is None:
            break  # git would refuse them all; what comes before is what was meant
        found.append((name, value))
    try:
        # 'name=value' or 'name'='value', by the rules of a shell.
        words = shlex.split(environ.get("GIT_CONFIG_PARAMETERS", ""))
    except ValueError:
        words = []
    return found + [(name, value) for name, _, value in (word.partition("=") for word in words)]


def without_callers_repository(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without what binds git to the caller's repository."""
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith("GIT_") or name in _KEPT or name.startswith(_KEPT_PREFIXES)
    }
    allowed = [v for name, v in _for_one_command(environ) if name.lower() == _KEPT_SETTING]
    if allowed:
        kept["GIT_CONFIG_COUNT"] = str(len(allowed))
    for index, value in enumerate(allowed):
        kept |= {f"GIT_CONFIG_KEY_{index}": _KEPT_SETTING, f"GIT_CONFIG_VALUE_{index}": value}
    return kept


def leave_callers_repository() -> None:
    """Forget the caller's repository, in this process and in all that it will start."""
    kept = without_callers_repository(os.environ)
    for name in os.environ.keys() - kept.keys():
        del os.environ[name]
    os.environ.update(kept)
