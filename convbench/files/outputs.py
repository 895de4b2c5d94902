"""Refuse an output that could not be written at the end, before anything is measured."""

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from convbench.command_line.failure import MisuseError
from convbench.files.destination import Destination, destination


def check_outputs(outputs: Mapping[str, Path | None], inputs: Iterable[Path] = ()) -> None:
    """Look at the files that options name (None where an option is not given).

    Raises
    ------
    MisuseError
        One cannot be written, two are the same, or one is the same as one of the `inputs`.
    """
    seen: dict[object, str] = {}
    for path in inputs:
        with contextlib.suppress(OSError):  # reading says what is wrong with it
            status = path.stat()
            seen[status.st_dev, status.st_ino] = f"{path}, which is read"
    for option, output in outputs.items():
        if output is None:
            continue
        to = _destination(option, output)
        if to.special:
            continue  # several may go there, one after the other
        if to.status is None:
            _check_folder(option, output, to.path.parent)
        other = seen.setdefault(_identity(to), option)
        if other != option:
            raise MisuseError(f"{option} {output} is the same file as {other}")


def check_folder(option: str, folder: Path | None) -> None:
    """Look at the folder that an option names, which need not be there yet.

    Raises
    ------
    MisuseError
        It cannot be made, or takes no file.
    """
    if folder is not None:
        _check_folder(option, folder, Path(os.path.realpath(folder)))


def _destination(option: str, output: Path) -> Destination:
    try:
        return destination(output)
    except OSError as error:
        raise MisuseError(f"{option} {output} cannot be written: {error.strerror}") from None


def _identity(to: Destination) -> object:
    return to.path if to.status is None else (to.status.st_dev, to.status.st_ino)


def _check_folder(option: str, output: Path, folder: Path) -> None:
    """Look at the folder, or at the nearest one there is, in which it would be made."""
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if not there.is_dir():
        raise MisuseError(f"{option} {output} cannot be written: {there} is no folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise MisuseError(f"{option} {output} cannot be written: {there} takes no new file")
