"""Files of one entry a line, as JSON: what cannot be read of them is left out."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

EntryT = TypeVar("EntryT", bound=msgspec.Struct)


def read_entries(path: Path, kind: type[EntryT]) -> list[EntryT]:
    """Return the entries of a file, the oldest first; none if there is no file.

    A line that was cut short, or that another version wrote, is left out.
    """
    found = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return []
    for line in lines:
        with suppress(msgspec.MsgspecError):
            found.append(msgspec.json.decode(line, type=kind))
    return found


def written(entries: Iterable[msgspec.Struct]) -> bytes:
    """Return entries as the lines of a file."""
    return b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
