"""The file of a study of repetition: a line a cell and run."""

from pathlib import Path

import msgspec

from convbench.command_line.failure import CommandError
from convbench.files.lines import written

VERSION = 1


class Sample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One cell as one run measured it."""

    version: int
    machine: str
    processor: str
    commit: str
    run: int
    burnt: float
    """Share of a core that something else used meanwhile, as far as the study saw to it."""
    benchmark: str
    threads: str
    cell: str
    """As asv writes it."""
    seconds: float | None
    """Median of a call; None where the cell declined."""
    same_as: str | None = None
    """Of `auto`: the cell of the method that it takes."""
    slowdown: float = 1.0
    """By what factor the machine itself was slower meanwhile than it has been seen to be."""
    settings: str = ""
    """Variables that were set meanwhile, and may change a time."""

    @property
    def family(self) -> str:
        """The benchmark's class, which holds cells of one kind."""
        return self.benchmark.rsplit(".", 1)[0]


def read_samples(path: Path) -> list[Sample]:
    """Return what a study has measured so far; a last line that was cut short is left out.

    Raises
    ------
    CommandError
        There is no such file, or it is no study's.
    """
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}") from None
    found = []
    for number, line in enumerate(lines, 1):
        if not line.endswith(b"\n"):
            break
        try:
            sample = msgspec.json.decode(line, type=Sample)
        except msgspec.MsgspecError as error:
            raise CommandError(f"{path}, line {number}: {error}") from None
        if sample.version != VERSION:
            raise CommandError(f"{path} has version {sample.version}, this reads {VERSION}")
        found.append(sample)
    return found


def append_samples(path: Path, samples: list[Sample]) -> None:
    """Add the lines of one run, behind the last whole line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        file.seek(0)
        whole = file.read()
        file.truncate(whole.rfind(b"\n") + 1)
        file.write(written(samples))
