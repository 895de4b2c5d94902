"""One study of a clone at a time: two would make and remove the same repository under each other.

The lock is the system's, so it ends with the process that holds it, however that ends; the file
stays and means nothing.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from convbench.command_line.failure import MisuseError


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder of a study for as long as the block runs.

    Raises
    ------
    MisuseError
        Another process holds it.
    """
    import fcntl  # which Windows has not; there a study can still be shown

    folder.mkdir(parents=True, exist_ok=True)
    # What this process starts does not inherit the file: an orphan keeps no later study waiting.
    with (folder / "lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise MisuseError(f"another study of this clone is running (in {folder})") from None
        yield
