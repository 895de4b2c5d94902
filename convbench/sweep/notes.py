"""Which host measured what: beside asv's files, which say it of a machine, a line an item."""

import datetime
from pathlib import Path

import msgspec

from convbench.files.atomic import replacing
from convbench.files.lines import read_entries, written

SUFFIX = ".hosts.jsonl"


class Note(msgspec.Struct, frozen=True):
    """One item that came back."""

    host: str
    address: str
    measured: str
    """A regular expression that finds the names of its cells, or the item's title."""
    saved: str
    """When it came, in UTC."""


def note(host: str, address: str, measured: str) -> Note:
    """Return a note of now."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return Note(host, address, measured, now.isoformat(timespec="seconds"))


def notes_file(path: Path) -> Path:
    """Return where the notes to a file of results are; asv reads .json, and leaves them alone."""
    return path.with_suffix(SUFFIX)


def read_notes(path: Path) -> list[Note]:
    """Return what is noted, oldest first; what cannot be read is left out."""
    return read_entries(path, Note)


def add_note(path: Path, added: Note) -> None:
    """Add a note; of what is measured once more the newest is kept."""
    kept = [one for one in read_notes(path) if one.measured != added.measured]
    with replacing(path) as temporary:
        temporary.write_bytes(written([*kept, added]))
