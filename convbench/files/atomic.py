"""Whole files only: write beside the target, then rename, so that a kill leaves the old file.

A link stays a link, and a pipe a pipe: what is written goes where they lead. What cannot be
replaced (a device, a file with several names, a file in a folder that takes no new one) is written
in place; of a regular file that is said, since a kill can then leave a part of it.
"""

import contextlib
import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from convbench.files.destination import Destination, destination

_PART = ".part"
_MOST_OF_A_NAME = 40
# A file that is mounted by itself, that another user keeps in a shared folder ...
_NOT_REPLACEABLE = {errno.EBUSY, errno.EXDEV, errno.EPERM, errno.EACCES, errno.EROFS}


@contextmanager
def replacing(target: Path, suffix: str = "") -> Iterator[Path]:
    """Give a path to write to; move it onto `target` if the block ends well, else remove it.

    The path ends with `suffix`, for writers that tell the format by it.

    Raises
    ------
    OSError
        `target` is a folder, may not be written to, or there is no space left for it.
    """
    to = destination(target)
    if not to.special:
        to.path.parent.mkdir(parents=True, exist_ok=True)
    beside = not to.special and to.not_replaced is None
    with _temporary(to.path, suffix, to.path.parent if beside else None) as temporary:
        yield temporary
        reason = to.not_replaced if not beside else _replace(temporary, to)
        if to.special or reason is not None:
            _write_in_place(temporary, to, reason)


@contextmanager
def _temporary(path: Path, suffix: str, folder: Path | None) -> Iterator[Path]:
    """Give a new file, beside `path` or among the system's own, and remove it at the end."""
    # No file of this name is taken for a result, should a kill leave it.
    prefix = f".{path.name[:_MOST_OF_A_NAME]}-"
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=prefix, suffix=f"{_PART}{suffix}")
    made = Path(name)
    try:
        if folder is not None:
            _lock(descriptor)
            _remove_leftovers(folder, prefix)
        yield made
    finally:
        made.unlink(missing_ok=True)
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Hold an open file until it is closed, or its process ends; say whether that was possible."""
    try:
        import fcntl  # which Windows has not; there a killed writer's file stays
    except ImportError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove_leftovers(folder: Path, prefix: str) -> None:
    """Remove what killed writers of the same target have left: nobody holds it."""
    for left in folder.iterdir():
        if not (left.name.startswith(prefix) and _PART in left.suffixes):
            continue
        with contextlib.suppress(OSError):  # gone already, or not ours
            descriptor = os.open(left, os.O_RDONLY)
            try:
                if _lock(descriptor):
                    left.unlink()
            finally:
                os.close(descriptor)


def _replace(temporary: Path, to: Destination) -> str | None:
    """Put the new file into its place, as the old one was; say why that cannot be, if it cannot."""
    try:
        if to.status is None:
            temporary.chmod(0o666 & ~_umask())  # mkstemp's files are their owner's alone
        else:
            new = temporary.stat()
            if (new.st_uid, new.st_gid) != (to.status.st_uid, to.status.st_gid):
                os.chown(temporary, to.status.st_uid, to.status.st_gid)
            shutil.copystat(to.path, temporary)  # its mode, and lists of who may what
            os.utime(temporary)
        temporary.replace(to.path)
    except OSError as error:
        if to.status is None or error.errno not in _NOT_REPLACEABLE:
            raise
        return f"since it cannot be replaced ({error.strerror})"
    return None


def _write_in_place(temporary: Path, to: Destination, reason: str | None) -> None:
    if not to.special:
        print(
            f"{to.path} is written in place, {reason}: a kill meanwhile would leave a part of it",
            file=sys.stderr,
        )
    if to.descriptor is not None:
        # What was printed comes first. Not to be opened anew: that would begin at its beginning.
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        opened = os.dup(to.descriptor)
    else:
        # A special file is never created; a regular one is made as long as what is written.
        opened = os.open(to.path, os.O_WRONLY | (0 if to.special else os.O_TRUNC))
    with os.fdopen(opened, "wb") as stream, temporary.open("rb") as source:
        shutil.copyfileobj(source, stream)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
