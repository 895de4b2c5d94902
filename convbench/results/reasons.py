"""Why a cell has no value, or a slow one: asv's results do not say it.

asv (0.6.6) enters n/a for what a benchmark skips, and for what a run left out by ``--bench``. What
a benchmark says of a cell is printed, and gone. So the plugin of asv.conf.json keeps
these sentences (`convbench.results.keeping`), in a file beside the results of the same commit. asv
reads files that end in .json, and leaves it alone.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from convbench.files.atomic import replacing
from convbench.files.lines import read_entries, written
from convbench.suite.conditions import SLOWDOWN

CellKey = tuple[str, tuple[Any, ...]]
"""A benchmark's full name and the values of its parameters."""


def cell_name(key: CellKey) -> str:
    """Write a cell as asv does where it looks for a regular expression.

    Examples
    --------
    >>> cell_name(("conv2d.Forward.time_forward", ("fft", 64)))
    "conv2d.Forward.time_forward('fft', 64)"
    """
    name, values = key
    return f"{name}({', '.join(map(repr, values))})" if values else name


SUFFIX = ".reasons.jsonl"
DISTURBED = "disturbed: "
"""How the sentence of a cell begins that found no quiet moments: the next report tries it again."""


def slowdown(reason: str | None) -> float:
    """Return by what factor the machine was slower than it can be, as a measured cell says.

    Examples
    --------
    >>> slowdown("slowdown: 1.38"), slowdown(None)
    (1.38, 1.0)
    """
    if reason is not None and reason.startswith(SLOWDOWN):
        with suppress(ValueError):
            return float(reason.removeprefix(SLOWDOWN))
    return 1.0


class Reason(msgspec.Struct, frozen=True):
    """What one cell says of itself."""

    benchmark: str
    params: tuple[Any, ...]
    reason: str

    @property
    def key(self) -> CellKey:
        """The cell."""
        return self.benchmark, self.params


def reasons_file(results_file: Path) -> Path:
    """Return where the sentences to one of asv's files of results are."""
    return results_file.with_suffix(SUFFIX)


def read_reasons(path: Path) -> dict[CellKey, str]:
    """Return the sentences of a file by cell; none if there is no file. A broken line is left out.

    At worst its cell is tried once more.
    """
    return {entry.key: entry.reason for entry in read_entries(path, Reason)}


def write_reasons(path: Path, reasons: dict[CellKey, str]) -> None:
    """Write the sentences, whole; without any, no file."""
    if not reasons:
        path.unlink(missing_ok=True)
        return
    entries = [Reason(*key, reason) for key, reason in sorted(reasons.items(), key=repr)]
    with replacing(path) as temporary:
        temporary.write_bytes(written(entries))
