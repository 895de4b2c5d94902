"""Which part of a pass a ticket is for, and rows of it that are asked for ahead."""

from __future__ import annotations

from typing import Any

from fftconv.machine_code.compiling import compiled
from fftconv.machine_code.memory import LINE_BYTES
from fftconv.machine_code.rows import add_atomically, ticks
from fftconv.machine_code.shift import as_pointer
from fftconv.machine_code.vectors import prefetch
from fftconv.methods.overlap_save.many_channels import fields as at


def compiled_as(function: Any, *variant: object) -> Any:
    """Compile one of several functions that are made by the same lines, and differ in a closure.

    Numba names what it compiles by the function's name and a number that each process counts anew,
    and takes names for the same code: of two functions that were read from disk, and that two
    processes had numbered alike, one would be called for both.
    """
    function.__qualname__ += "".join(f"_{part}" for part in variant)
    return compiled(function)


#: Rows that lines are asked for ahead of those that are read or written, across channels, too.
AHEAD = 3


def _ask(place: int, size: int, step: int, there: int, write: int) -> None:
    """Ask for a row of each of some channels, `step` bytes apart.

    A processor foresees rows that follow each other, and not those of sixteen planes in turn.
    """
    for lane in range(there):
        row = place + lane * step
        for line in range(0, size, LINE_BYTES):
            if write != 0:
                prefetch(row + line, 1)
            else:
                prefetch(row + line, 0)


ask: Any = compiled(_ask)


def _count_pieces(job: Any) -> int:
    """Return the pieces of a pass."""
    pieces: int = job[at.UNITS] * job[at.GROUPS] * job[at.PAIRS]
    return pieces


def _whereabouts(job: Any, piece: Any) -> Any:
    """Return (group, pair of vectors of channels, image, row of tiles, first tile of the row)."""
    pairs = job[at.PAIRS]
    if job[at.PLANAR] != 0:
        pair = piece % pairs
        rest = piece // pairs
        group = rest % job[at.GROUPS]
        unit = job[at.FIRST_UNIT] + rest // job[at.GROUPS]
    else:
        # Filters of one pair of outputs lie side by side.
        unit = job[at.FIRST_UNIT] + piece % job[at.UNITS]
        rest = piece // job[at.UNITS]
        pair = rest % pairs
        group = rest // pairs
    rest = unit // job[at.RUNS]
    image, down = rest // job[at.GRID_H], rest % job[at.GRID_H]
    across = unit % job[at.RUNS] * job[at.RUN]
    return job[at.FIRST_GROUP] + group, job[at.FIRST_PAIR] + pair, image, down, across


def _spent(counter: int, start: int, first: int, second: int) -> None:
    """Count the time since `start`, and what was done in it."""
    counts = as_pointer(counter)
    add_atomically(counts, at.TICKS, ticks() - start)
    add_atomically(counts, at.FIRST, first)
    add_atomically(counts, at.SECOND, second)


spent: Any = compiled(_spent)
count_pieces: Any = compiled(_count_pieces)
whereabouts: Any = compiled(_whereabouts)
