"""One axis of an image: where the windows of blocks lie, and what they hold beyond its ends.

Positions beyond the ends of an axis are virtual: each is filled with what stands at a place inside,
or with a constant. Everything is a matter of whole numbers, known before anything is computed.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Mode: TypeAlias = Literal["zeros", "reflect", "replicate", "circular", "symmetric"]
"""How an axis goes on: torch's padding modes, and the reflection that repeats the last place."""

Range: TypeAlias = tuple[int, int]
"""The places from the first number up to the second, which is none of them."""

Places: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Run:
    """Places of a window that are filled in order: forwards, backwards, or with one place.

    Attributes
    ----------
    at, length
        Where the run lies in the window.
    source
        The place that its first place is filled with.
    step
        1, -1, or 0 for the same place again and again.
    """

    at: int
    length: int
    source: int
    step: int

    @property
    def into(self) -> slice:
        """The run's places in the window."""
        return slice(self.at, self.at + self.length)

    @property
    def covered(self) -> slice:
        """The places that it is filled with, in ascending order."""
        if self.step == 0:
            return slice(self.source, self.source + 1)
        last = self.source + self.step * (self.length - 1)
        return slice(min(self.source, last), max(self.source, last) + 1)


@dataclass(frozen=True, slots=True)
class Window:
    """What a window reads of its axis, and how it is made of that.

    Attributes
    ----------
    length
        The number of places, virtual ones included.
    ranges
        What is read: stretches of the axis, ascending and apart.
    runs
        How the window is filled from the stretches, laid end to end. Other places are constant.
    """

    length: int
    ranges: tuple[Range, ...]
    runs: tuple[Run, ...]

    @property
    def read(self) -> int:
        """How many places are read."""
        return sum(stop - start for start, stop in self.ranges)

    @property
    def is_covered(self) -> bool:
        """Whether what is read fills each place."""
        return sum(run.length for run in self.runs) == self.length

    @property
    def is_plain(self) -> bool:
        """Whether the window is what is read."""
        return self.runs == (Run(0, self.length, 0, 1),)


def window(mode: Mode, size: int, start: int, stop: int) -> Window:
    """Return the window of the places from `start` to `stop` on an axis of `size` places."""
    length = stop - start
    if start >= 0 and stop <= size:
        return Window(length, ((start, stop),), (Run(0, length, 0, 1),))
    inside = places(mode, size, np.arange(start, stop))
    needed = np.unique(inside[inside >= 0])
    packed = np.where(inside >= 0, np.searchsorted(needed, inside), -1)
    return Window(length, _stretches(needed), _runs(packed))


def adjoint(mode: Mode, size: int, padding: Range, start: int, stop: int) -> Window:
    """Return the places of the padded axis that hold copies of those from `start` to `stop`.

    The window's ranges are places of the padded axis, from -padding[0] to size + padding[1]; its
    runs say where they lie, at `source` and with their step, among the places from `start`: a
    gradient with respect to the padded image is added up along them.
    """
    if mode == "zeros" or not any(padding):
        return Window(stop - start, ((start, stop),), (Run(0, stop - start, 0, 1),))
    virtual = np.arange(-padding[0], size + padding[1])
    inside = places(mode, size, virtual)
    chosen = (inside >= start) & (inside < stop)
    return Window(stop - start, _stretches(virtual[chosen]), _runs(inside[chosen] - start))


def places(mode: Mode, size: int, positions: Places) -> Places:
    """Return the place that each position is filled with, -1 for the constant."""
    if mode == "zeros":
        return np.where((positions >= 0) & (positions < size), positions, -1)
    if mode == "replicate":
        return np.clip(positions, 0, size - 1)
    if mode == "circular":
        return positions % size
    if mode == "reflect":
        period = max(2 * size - 2, 1)
        turned = positions % period
        return np.minimum(turned, period - turned) if size > 1 else np.zeros_like(positions)
    turned = positions % (2 * size)
    return np.minimum(turned, 2 * size - 1 - turned)


def bounds(sizes: Sequence[int]) -> tuple[int, ...]:
    """Return where chunks of these sizes begin, and where the last ends."""
    return tuple(int(place) for place in np.cumsum([0, *sizes]))


def ranges_of(sizes: Sequence[int]) -> list[Range]:
    """Return the places of each chunk."""
    edges = bounds(sizes)
    return list(itertools.pairwise(edges))


def _stretches(ascending: Places) -> tuple[Range, ...]:
    """Return the stretches without a gap of places in ascending order."""
    if not len(ascending):
        return ()
    pieces = np.split(ascending, np.flatnonzero(np.diff(ascending) > 1) + 1)
    return tuple((int(piece[0]), int(piece[-1]) + 1) for piece in pieces)


def _runs(places: Places) -> tuple[Run, ...]:
    """Cut places into runs of one step; -1 belongs to none."""
    runs = []
    at, count = 0, len(places)
    while at < count:
        if places[at] < 0:
            at += 1
            continue
        step = int(places[at + 1] - places[at]) if at + 1 < count and places[at + 1] >= 0 else 1
        if step not in (-1, 0, 1):
            step = 1
        stop = at + 1
        while stop < count and places[stop] >= 0 and places[stop] - places[stop - 1] == step:
            stop += 1
        runs.append(Run(at, stop - at, int(places[at]), step))
        at = stop
    return tuple(runs)
