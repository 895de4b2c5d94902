"""Where the bytes of an output go: through links, to files, and to what is no file."""

import errno
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

_MOST_LINKS = 40
# What /dev/stdout leads to on Linux, and /dev/fd itself where that is a folder of its own.
_OWN_DESCRIPTORS = re.compile(rf"(/proc/{os.getpid()}(/task/\d+)?|/dev)/fd")


@dataclass(frozen=True)
class Destination:
    """What an output's name leads to."""

    path: Path
    """The place itself, no link."""
    descriptor: int | None = None
    """Number of the open file of this process that it is, as /dev/stdout is 1."""
    status: os.stat_result | None = None
    """Of what is there now, None where nothing is."""

    @property
    def special(self) -> bool:
        """Whether it is a pipe, a device or an open file: what is written to, never replaced."""
        there = self.status
        return self.descriptor is not None or (
            there is not None and not stat.S_ISREG(there.st_mode)
        )

    @property
    def not_replaced(self) -> str | None:
        """Say why a regular file is written in place, None where another can take its place."""
        if self.status is None:
            return None
        if self.status.st_nlink > 1:
            return "since it has other names"
        if not os.access(self.path.parent, os.W_OK | os.X_OK):
            return "since its folder takes no new file"
        return None


def _error(number: int, path: Path) -> OSError:
    return OSError(number, os.strerror(number), str(path))


def _followed(path: Path) -> tuple[Path, int | None]:
    """Return where links lead, and the number of the open file that is there, if it is one."""
    for _ in range(_MOST_LINKS):
        folder = Path(os.path.realpath(path.parent))
        if _OWN_DESCRIPTORS.fullmatch(str(folder)) and path.name.isdecimal():
            return folder / path.name, int(path.name)
        path = folder / path.name
        if not path.is_symlink():
            return path, None
        path = folder / path.readlink()
    raise _error(errno.ELOOP, path)


def destination(output: Path) -> Destination:
    """Return what `output` leads to.

    Raises
    ------
    OSError
        It is a folder, it may not be written to, or its links lead nowhere.
    """
    path, descriptor = _followed(output)
    if descriptor is not None:
        return Destination(path, descriptor)
    try:
        status = path.stat()
    except FileNotFoundError:
        return Destination(path)
    if stat.S_ISDIR(status.st_mode):
        raise _error(errno.EISDIR, output)
    if not os.access(path, os.W_OK):
        raise _error(errno.EACCES, output)
    return Destination(path, status=status)
