"""The cells of one asv run sampled together, in turns, by the first of them that asv asks for.

asv has a process for each cell, one after the other: cells that it measures minutes apart met
another machine each, where others use it, too. So asv's plugin writes down which cells a run is of,
the first process makes them all and samples them in turns, and the others find their samples. Where
nobody wrote that down (pyperf, asv without the plugin), a cell is sampled by itself.
"""

import contextlib
import hashlib
import io
import json
import os
import resource
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, cast

from benchmarks import freed_memory
from benchmarks.sampler import Cell, DisturbedError, Samples, sample
from benchmarks.turns import TOGETHER_VARIABLE

SELECTION = "selection.json"
"""What the plugin writes: names of benchmarks, each with the numbers of its cells."""
_BEGUN, _FOUND, _GIVEN = "begun.json", "samples.json", "given"
_ROOT = Path(__file__).parent
# Cells are made as long as the process has less than this, or an eighth of the machine's memory;
# those that are left come after them.
_MOST_BYTES = 3 << 30


class Owner(Protocol):
    """What has a cell: its name among all of them, and the cell, made when it is asked for."""

    name: str

    @property
    def made(self) -> Cell:
        """The cell."""


def samples(owner: Owner) -> Samples:
    """Return what was found of a cell among the others of its run, or alone if there are none.

    Raises
    ------
    DisturbedError
        The machine was not quiet.
    """
    name = os.environ.get(TOGETHER_VARIABLE)
    if name:
        folder = Path(name)
        given = folder / _GIVEN / hashlib.sha256(owner.name.encode()).hexdigest()
        if given.exists():  # another of asv's rounds
            _start_again(folder)
        _begin(folder)
        found = _found(folder).get(owner.name)
        if found is not None:
            given.parent.mkdir(exist_ok=True)
            given.touch()
        if isinstance(found, str):
            raise DisturbedError(found)
        if found is not None:
            return Samples(tuple(found["seconds"]), found["slowdown"])
    sample([owner.made])
    return owner.made.samples()


def _found(folder: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((folder / _FOUND).read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return found
    return {}


def _start_again(folder: Path) -> None:
    shutil.rmtree(folder / _GIVEN)
    (folder / _FOUND).unlink()
    (folder / _BEGUN).replace(folder / SELECTION)


def _begin(folder: Path) -> None:
    """Sample all cells of the run, unless that has been tried."""
    try:
        # Renamed first: if a cell ends its process, the others are sampled by themselves.
        (folder / SELECTION).replace(folder / _BEGUN)
        selection = json.loads((folder / _BEGUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    left = [f"{name}-{number}" for name, numbers in selection.items() for number in numbers]
    found: dict[str, Any] = {}
    while left:
        made = dict(_made(left))
        sample(list(made.values()))
        found |= {name: _said(cell) for name, cell in made.items()}
        part = folder / f"{_FOUND}.part"
        part.write_text(json.dumps(found), encoding="utf-8")
        part.replace(folder / _FOUND)
        made.clear()
        freed_memory.give_back()


def _said(cell: Cell) -> dict[str, Any] | str:
    try:
        return asdict(cell.samples())
    except DisturbedError as error:
        return str(error)


def _made(left: list[str]) -> Iterator[tuple[str, Cell]]:
    """Take cells out of `left` and make them, while there is room; yield them by their names."""
    made = 0
    most_bytes = min(_MOST_BYTES, _memory_bytes() // 8)
    while left and (not made or _resident_bytes() < most_bytes):
        owner = _owner(left.pop(0))
        if owner is None:
            continue
        made += 1
        yield owner.name, owner.made


def _owner(identity: str) -> Owner | None:
    """Return the object whose method a cell is, prepared and not sampled; None if it has none."""
    from asv_runner.discovery import get_benchmark_from_name

    # What goes wrong here goes wrong in the cell's own process, too, which says so.
    with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
        benchmark = get_benchmark_from_name(str(_ROOT), identity)
        owner: Any = getattr(benchmark.func, "__self__", None)
        if hasattr(owner, "turns"):
            owner.turns = True
            if not benchmark.do_setup():
                return cast(Owner, owner)
    return None


def _memory_bytes() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _resident_bytes() -> int:
    """Return how much memory this process has; the most that it had where nobody tells."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
