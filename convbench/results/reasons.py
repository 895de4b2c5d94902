"""Which cells were tried: asv's results do not say it of a cell without a value.

asv (0.6.6) enters n/a for what a run left out, by ``--bench``, as it does for what was skipped.
Without a note of our own, a benchmark of which one part is measured would look finished.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from convbench.files.atomic import replacing
from convbench.results.store import CellKey

_FOLDER = Path(".asv/tried")


def _file(machine: str, commit: str) -> Path:
    return _FOLDER / machine / f"{commit}.json"


def tried(machine: str, commit: str) -> frozenset[CellKey]:
    """Return the cells that were tried; none if nobody noted them, or the note is unreadable."""
    try:
        noted = msgspec.json.decode(
            _file(machine, commit).read_bytes(), type=list[tuple[str, list[Any]]]
        )
    except (OSError, msgspec.MsgspecError):
        return frozenset()  # at worst they are tried once more
    return frozenset((name, tuple(values)) for name, values in noted)


def note_tried(machine: str, commit: str, cells: Iterable[CellKey]) -> None:
    """Add cells to those that were tried."""
    every = tried(machine, commit).union(cells)
    with replacing(_file(machine, commit)) as temporary:
        temporary.write_bytes(msgspec.json.encode(sorted(every, key=repr)))
