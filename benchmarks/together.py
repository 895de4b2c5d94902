"""The cells of one asv run sampled together, in turns, by the first of them that asv asks for.

asv has a process for each cell, one after the other: cells that it measures minutes apart met
another machine each, where others use it, too. So asv's plugin writes down which cells a run is of,
the first process makes them and samples them in turns, and the others find their samples. A large
run has several parts, each of which the first process does that asks for one of its cells. Where
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
from typing import Any, Protocol, TypeVar, cast

from benchmarks.sampler import Cell, DisturbedError, Samples, sample
from benchmarks.turns import TOGETHER_VARIABLE

SELECTION = "selection.json"
"""What the plugin writes: the cells of a run as asv calls them, by name and number."""
_LEFT, _FOUND, _GIVEN = "left.json", "samples.json", "given"
_ROOT = Path(__file__).parent
# Cells of a part are made as long as the process has less than this, or an eighth of the machine's
# memory, and while their turns take less than so many seconds (a part that is twice as long as the
# machine's moods differs no less from the next one).
_MOST_BYTES = 3 << 30
_MOST_S = 200.0


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
        while (found := _read(folder / _FOUND, {}).get(owner.name)) is None:
            if not _sample_part(folder):
                break
        if found is not None:
            given.parent.mkdir(exist_ok=True)
            given.touch()
        if isinstance(found, str):
            raise DisturbedError(found)
        if found is not None:
            return Samples(tuple(found["seconds"]), found["slowdown"])
    sample([owner.made])
    return owner.made.samples()


def _start_again(folder: Path) -> None:
    shutil.rmtree(folder / _GIVEN)
    for name in (_FOUND, _LEFT):
        (folder / name).unlink(missing_ok=True)


def _sample_part(folder: Path) -> bool:
    """Sample as many cells as fit of those that are left, and return whether there were any."""
    left = _read(folder / _LEFT, _read(folder / SELECTION, []))
    # Written first: if a cell ends its process, those that were with it are sampled by themselves.
    _write(folder / _LEFT, [])
    made = dict(_made(left))
    _write(folder / _LEFT, left)
    if not made:
        return False
    sample(list(made.values()))
    found = _read(folder / _FOUND, {})
    _write(folder / _FOUND, found | {name: _said(cell) for name, cell in made.items()})
    return True


Json = TypeVar("Json", list[Any], dict[str, Any])


def _read(path: Path, otherwise: Json) -> Json:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found, type(otherwise)):
            return found
    return otherwise


def _write(path: Path, found: list[str] | dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(found), encoding="utf-8")
    part.replace(path)


def _said(cell: Cell) -> dict[str, Any] | str:
    try:
        return asdict(cell.samples())
    except DisturbedError as error:
        return str(error)


def _made(left: list[str]) -> Iterator[tuple[str, Cell]]:
    """Take cells out of `left` and make them, while there is room; yield them by their names."""
    seconds = 0.0
    most_bytes = min(_MOST_BYTES, _memory_bytes() // 8)
    while left and (not seconds or (seconds < _MOST_S and _resident_bytes() < most_bytes)):
        owner = _owner(left.pop(0))
        if owner is not None:
            seconds += owner.made.turns_s
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
