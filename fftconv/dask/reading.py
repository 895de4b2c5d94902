"""What a task reads of an image, and how the window of its block is made of that."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fftconv.dask.axis import Range, Window

    Array: TypeAlias = NDArray[Any]

Slices: TypeAlias = "tuple[slice, ...]"

#: Which of the axes (N, C, H, W) an image has.
NCHW, CHW, NHW, HW = (0, 1, 2, 3), (1, 2, 3), (0, 2, 3), (2, 3)


@dataclass(frozen=True, slots=True)
class Box:
    """The part of an image that a task needs: images, channels, and a window of the plane."""

    images: Range
    channels: Range
    rows: Window
    columns: Window

    @property
    def ranges(self) -> tuple[tuple[Range, ...], ...]:
        """What is read of each of (N, C, H, W)."""
        return (self.images,), (self.channels,), self.rows.ranges, self.columns.ranges

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what is read, laid end to end."""
        return (
            self.images[1] - self.images[0], self.channels[1] - self.channels[0],
            self.rows.read, self.columns.read,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of what is read: where it comes from, in the axes of the source, and where it goes."""

    source: int
    take: Slices
    into: Slices


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a task makes its window: (N, C, rows, columns) of one dtype.

    Attributes
    ----------
    box
        What the window holds.
    axes
        Which of (N, C, H, W) the source has.
    pieces
        What is read; together they fill the box.
    dtype
        Of the window.
    constant
        What stands at places that are filled from nowhere.
    """

    box: Box
    axes: tuple[int, ...]
    pieces: tuple[Piece, ...]
    dtype: str
    constant: complex = 0.0

    @property
    def sources(self) -> int:
        """How many of a task's operands the recipe takes."""
        return 1 + max((piece.source for piece in self.pieces), default=-1)

    def window(self, sources: tuple[Any, ...]) -> Array:
        """Make the window; a view of a source where it is nothing else."""
        return self._expanded(self._read(sources))

    def _read(self, sources: tuple[Any, ...]) -> Array:
        missing = tuple(axis for axis in range(4) if axis not in self.axes)
        if len(self.pieces) == 1:
            only = np.expand_dims(_taken(self.pieces[0], sources), missing)
            return np.ascontiguousarray(only, self.dtype) if only.dtype != self.dtype else only
        box = np.empty(self.box.shape, self.dtype)
        for piece in self.pieces:
            box[piece.into] = np.expand_dims(_taken(piece, sources), missing)
        return box

    def _expanded(self, box: Array) -> Array:
        rows, columns = self.box.rows, self.box.columns
        if rows.is_plain and columns.is_plain:
            return box
        shape = (*self.box.shape[:2], rows.length, columns.length)
        whole = np.empty(shape, self.dtype)
        if not (rows.is_covered and columns.is_covered):
            whole[...] = self.constant
        for down in rows.runs:
            for right in columns.runs:
                part = box[:, :, down.covered, right.covered]
                turned = part[:, :, :: down.step or 1, :: right.step or 1]
                whole[:, :, down.into, right.into] = turned
        return whole


@dataclass(frozen=True, slots=True)
class Stored:
    """An array in storage, of which a task reads what it needs, and the lock that this takes."""

    array: Any
    lock: Any = None

    def take(self, slices: Slices) -> Array:
        """Read a part."""
        with self.lock or nullcontext():
            return np.asarray(self.array[slices])


def _taken(piece: Piece, sources: tuple[Any, ...]) -> Array:
    source = sources[piece.source]
    taken: Array = (
        source.take(piece.take) if isinstance(source, Stored) else np.asarray(source)[piece.take]
    )
    return taken


def folded(gradient: Array, rows: Window, columns: Window) -> Array:
    """Add a gradient with respect to padded places up at the places that they are copies of."""
    return _fold(_fold(gradient, 2, rows), 3, columns)


def _fold(gradient: Array, axis: int, window: Window) -> Array:
    if window.is_plain:
        return gradient
    shape = list(gradient.shape)
    shape[axis] = window.length
    total = np.zeros(shape, gradient.dtype)
    into, whole = np.moveaxis(total, axis, 0), np.moveaxis(gradient, axis, 0)
    for run in window.runs:
        part = whole[run.into]
        into[run.covered] += part.sum(0, keepdims=True) if run.step == 0 else part[:: run.step]
    return total
