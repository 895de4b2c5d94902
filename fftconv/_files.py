"""Writing a file that somebody named: whole or not at all, and never in place of something else."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

#: Names of what a process has open: what that is redirected to may be a file, with more in it.
_OPEN = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/")


def write(path: Path, data: bytes) -> None:
    """Write a file, in the place of the one that is there; it goes where links lead.

    Pipes and devices are written to, and never replaced. A file keeps its mode; a new one has what
    the process's mask leaves.

    Raises
    ------
    OSError
        If that cannot be done; then all is as it was.
    """
    if _is_no_file(path):
        with path.open("ab") as there:
            there.write(data)
        return
    handle, part, path = _part(path)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        part.chmod(_mode(path))
        part.replace(path)
    except BaseException:
        part.unlink()
        raise


def check_writable(path: Path) -> None:
    """Find out whether `write` would succeed, and leave nothing behind but folders.

    Raises
    ------
    OSError
        As `write` would.
    """
    if _is_no_file(path):
        return
    if path.is_dir():
        raise IsADirectoryError(21, "it is a folder")
    handle, part, _ = _part(path)
    os.close(handle)
    part.unlink()


def _is_no_file(path: Path) -> bool:
    is_open = str(path.absolute()).startswith(_OPEN)
    return path.exists() and not path.is_dir() and (is_open or not path.is_file())


def _part(path: Path) -> tuple[int, Path, Path]:
    """Make a file beside where a path leads: return its descriptor, its path, and that place."""
    path = Path(os.path.realpath(path))  # a link stays one
    path.parent.mkdir(parents=True, exist_ok=True)
    # The name may be as long as names can be.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name[:32], suffix=".part")
    return handle, Path(name), path


def _mode(path: Path) -> int:
    """Return the mode that a file has, or would have been made with."""
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    mask = os.umask(0)  # it can only be asked for by setting it
    os.umask(mask)
    return 0o666 & ~mask
