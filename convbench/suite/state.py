"""Where commands keep their logs, locks and unfinished work."""

import hashlib
from pathlib import Path

import platformdirs

from convbench.suite.facts import PACKAGE
from convbench.suite.place import is_elsewhere


def state_folder() -> Path:
    """Return the folder: in a clone asv's own, which git ignores; in the user's cache elsewhere.

    Another project's folder gets nothing but what asv itself leaves there.
    """
    if not is_elsewhere():
        return Path(".asv")
    which = hashlib.sha256(str(Path.cwd()).encode()).hexdigest()[:16]
    return platformdirs.user_cache_path(PACKAGE) / "suites" / which
