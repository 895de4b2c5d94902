"""The commits from which on asv looks for regressions, as far as this clone has them.

A clone made with ``--depth`` has few commits, and a project that copies asv.conf.json has others.
asv (0.6.6) ends the publishing with a traceback where one is unknown.
"""

from collections.abc import Mapping
from typing import Any

from asv.repo import NoSuchNameError
from asv.util import ProcessError


def known_commits(wanted: Mapping[str, str | None], repo: Any) -> dict[str, str | None]:
    """Return the entries whose commit `repo`, asv's repository, has; None means never look."""
    return {pattern: commit for pattern, commit in wanted.items() if _is_known(commit, repo)}


def _is_known(commit: str | None, repo: Any) -> bool:
    if commit is None:
        return True
    try:
        repo.get_hash_from_name(commit)
    except (NoSuchNameError, ProcessError):
        return False
    return True
