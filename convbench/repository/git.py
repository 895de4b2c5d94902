"""Git, by its command line."""

import subprocess
from pathlib import Path

from convbench.command_line.failure import MisuseError

# The user's hooks are for the user's checkouts and commits.
_NO_HOOKS = ("-c", "core.hooksPath=/dev/null")


def git(root: Path, *arguments: str) -> str:
    """Run git in `root` and return what it printed.

    Raises
    ------
    MisuseError
        git failed; with the first line that it said.
    """
    command = ["git", *_NO_HOOKS, *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, check=False)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise MisuseError(f"git failed: {said[0]}")
    return done.stdout.decode(errors="surrogateescape")
