"""Images as tasks find them: in chunks that other tasks leave, or in storage."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import isnan
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
from dask.array.core import getter, getter_nofancy, normalize_chunks, slices_from_chunks
from dask.base import tokenize
from dask.task_spec import DataNode, Task, TaskRef

from fftconv.dask.axis import ranges_of
from fftconv.dask.reading import Box, Piece, Recipe, Stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fftconv.dask.axis import Range


@dataclass(frozen=True)
class Source:
    """An image that tasks read from.

    Attributes
    ----------
    axes
        Which of (N, C, H, W) it has.
    chunks
        Sizes along (N, C, H, W); 1 where it has no such axis.
    dtype
        Of its numbers, in the machine's byte order.
    token
        Stands for what it holds.
    collection
        The dask array whose chunks are read, None for storage.
    stored
        What is read if there is no collection.
    """

    axes: tuple[int, ...]
    chunks: tuple[tuple[int, ...], ...]
    dtype: np.dtype[Any]
    token: str
    collection: Any = None
    stored: Stored | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, C, H, W)."""
        return tuple(sum(sizes) for sizes in self.chunks)

    @property
    def node(self) -> dict[str, DataNode]:
        """What has to be in a graph for tasks to read."""
        return {} if self.stored is None else {self._key: DataNode(self._key, self.stored)}

    @property
    def _key(self) -> str:
        return f"stored-{self.token}"

    def read(
        self, box: Box, dtype: np.dtype[Any], constant: complex = 0.0
    ) -> tuple[Recipe, list[TaskRef]]:
        """Return how a task makes a window, and what it depends on for that."""
        if self.stored is not None:
            pieces = tuple(self._from_storage(box))
            recipe = Recipe(box, self.axes, pieces, dtype.str, constant)
            return recipe, [TaskRef(self._key)] * recipe.sources
        found = list(self._from_chunks(box))
        pieces = tuple(Piece(i, take, into) for i, (_, take, into) in enumerate(found))
        references = [TaskRef((self.collection.name, *at)) for at, _, _ in found]
        return Recipe(box, self.axes, pieces, dtype.str, constant), references

    def _from_storage(self, box: Box) -> list[Piece]:
        laid = [_laid_end_to_end(ranges) for ranges in box.ranges]
        return [
            Piece(0, tuple(slice(*parts[axis][0]) for axis in self.axes), _slices(parts))
            for parts in product(*laid)
        ]

    def _from_chunks(self, box: Box) -> list[tuple[tuple[int, ...], Any, Any]]:
        laid = [
            [
                (number, part, at)
                for wanted, at in _laid_end_to_end(ranges)
                for number, part, at in _cut(sizes, wanted, at[0])
            ]
            for sizes, ranges in zip(self.chunks, box.ranges, strict=True)
        ]
        return [
            (
                tuple(parts[axis][0] for axis in self.axes),
                tuple(slice(*parts[axis][1]) for axis in self.axes),
                tuple(slice(*at) for _, _, at in parts),
            )
            for parts in product(*laid)
        ]


def source_of(name: str, array: Any, axes: tuple[int, ...]) -> Source:
    """Return an image as tasks find it.

    Raises
    ------
    ValueError
        If the sizes of the chunks are not known.
    """
    if isinstance(array, da.Array):
        if any(isnan(size) for size in array.shape):
            raise ValueError(
                f"{name} has chunks of unknown size: call its compute_chunk_sizes() first"
            )
        stored = storage(array)
        collection, sizes, token = None if stored else array, array.chunks, array.name
    else:
        stored, collection, token = Stored(array), None, tokenize(array)
        # An array of h5py's that lies in one piece has None.
        own = getattr(array, "shards", None) or array.chunks or "auto"
        sizes = normalize_chunks(own, array.shape, dtype=array.dtype)
    chunks: list[tuple[int, ...]] = [(1,)] * 4
    for axis, of_axis in zip(axes, sizes, strict=True):
        chunks[axis] = tuple(int(size) for size in of_axis)
    dtype = np.dtype(array.dtype).newbyteorder("=")
    return Source(axes, tuple(chunks), dtype, token, collection, stored)


def storage(array: da.Array) -> Stored | None:
    """Return what a dask array is read from, None if its chunks are computed or in memory.

    `dask.array.from_zarr` and `from_array` make one task a chunk that takes a part of one object;
    a window is taken from the object in the same way, so that neighbours need not be kept.
    """
    corners = [(0,) * array.ndim, tuple(count - 1 for count in array.numblocks)]
    places = slices_from_chunks(array.chunks)
    found: list[Stored] = []
    for corner, place in zip(corners, (places[0], places[-1]), strict=True):
        task = _task(array, (array.name, *corner))
        if not isinstance(task, Task) or task.func not in (getter, getter_nofancy):
            return None
        given = [node.value if isinstance(node, DataNode) else node for node in task.args]
        kept = array.dask[given[0].key] if isinstance(given[0], TaskRef) else given[0]
        kept = kept.value if isinstance(kept, DataNode) else kept
        lock = given[3] if len(given) > 3 else task.kwargs.get("lock")
        if tuple(given[1]) != place or tuple(getattr(kept, "shape", ())) != array.shape:
            return None
        found.append(Stored(kept, lock or None))
    return found[0] if found[0].array is found[1].array else None


def _task(array: da.Array, key: tuple[Any, ...]) -> object:
    if len(array.dask.layers) > 2:
        return None  # something is computed: not worth looking at
    return array.dask.get(key)


def _laid_end_to_end(ranges: Sequence[Range]) -> list[tuple[Range, Range]]:
    """Return each range with its place among all of them, laid end to end."""
    places = ranges_of([stop - start for start, stop in ranges])
    return list(zip(ranges, places, strict=True))


def _slices(parts: Sequence[tuple[Range, Range]]) -> tuple[slice, ...]:
    return tuple(slice(*at) for _, at in parts)


def _cut(sizes: Sequence[int], wanted: Range, at: int) -> list[tuple[int, Range, Range]]:
    """Cut a range by chunks: the chunk's number, the range in it, and the range's place."""
    found = []
    for number, (start, stop) in enumerate(ranges_of(sizes)):
        first, last = max(start, wanted[0]), min(stop, wanted[1])
        if first < last:
            place = at + first - wanted[0]
            found.append((number, (first - start, last - start), (place, place + last - first)))
    return found
