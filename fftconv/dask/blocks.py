"""Which blocks a result is cut into: along the input's chunks, joined where they are small."""

from __future__ import annotations

import itertools
from math import ceil, prod, sqrt
from typing import TYPE_CHECKING, Any

import dask.config
from dask.array.core import normalize_chunks
from dask.utils import parse_bytes

from fftconv.dask.axis import bounds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fftconv.geometry import Geometry, Pair

Sizes = tuple[int, ...]
"""The chunks of one axis."""

#: A block is so many times as wide as its halo, where chunks are smaller: a window is then at most
#: a quarter larger than its block.
HALOS = 8
#: A window that is read from storage costs whole chunks of it at its rim: so it is not small.
STORED_SIDE = 4096


def sides_of(geometry: Geometry, item_bytes: int, stored: bool, widest: Pair) -> Pair:
    """Return how wide blocks of the output should be, if chunks are smaller.

    Where chunks are wider than that along one axis, as strips are, they leave less to join along
    the other: `widest` is the size of the largest of them, in places of the output.
    """
    channels = geometry.in_channels + geometry.out_channels
    limit = parse_bytes(dask.config.get("array.chunk-size"))
    most = sqrt(limit / (channels * item_bytes * prod(geometry.stride)))
    least = STORED_SIDE if stored else 1
    first, second = (
        max(1, int(min(max(HALOS * (extent - 1) / step, least / step), most)))
        for extent, step in zip(geometry.kernel_extent, geometry.stride, strict=True)
    )
    if widest[0] > first:
        return first, max(1, min(second, int(most * most / widest[0])))
    if widest[1] > second:
        return max(1, min(first, int(most * most / widest[1]))), second
    return first, second


def along(chunks: Sequence[int], stride: int, outputs: int, side: int) -> Sizes:
    """Return the blocks of an output's axis, from the chunks of the input's.

    An output belongs to the chunk that the place of its number times the stride lies in: without a
    stride the blocks begin where the chunks do. What a wide padding adds at the end becomes blocks
    of its own, none larger than the others, as storage of equal chunks wants them.
    """
    edges = [min(ceil(edge / stride), outputs) for edge in bounds(chunks)]
    sizes = joined([b - a for a, b in itertools.pairwise(edges) if b > a], side)
    return _continued(sizes, outputs)


def against(chunks: Sequence[int], stride: int, inputs: int, side: int) -> Sizes:
    """Return the blocks of an input's axis, from the chunks of the output's: `along` reversed."""
    edges = [min(edge * stride, inputs) for edge in bounds(chunks)]
    sizes = joined([b - a for a, b in itertools.pairwise(edges) if b > a], side)
    return _continued(sizes, inputs)


def joined(sizes: Sequence[int], side: int) -> Sizes:
    """Join neighbours as far as they make no more than `side` together; empty ones are left out."""
    together: list[int] = []
    for size in filter(None, sizes):
        if together and together[-1] + size <= side:
            together[-1] += size
        else:
            together.append(size)
    return tuple(together)


def _continued(sizes: Sizes, total: int) -> Sizes:
    left = total - sum(sizes)
    if not sizes:
        return (left,)
    most = max(sizes)
    grown = [*sizes[:-1], sizes[-1] + min(left, most - sizes[-1])]
    left = total - sum(grown)
    while left:
        grown.append(min(left, most))
        left -= grown[-1]
    return tuple(grown)


def asked_for(chunks: Any, size: Pair) -> tuple[Sizes, Sizes]:
    """Return the blocks that a user names, as dask.array reads chunks of (height, width).

    Empty ones are left out.

    Raises
    ------
    ValueError
        If they do not make up the size.
    """
    try:
        rows, columns = normalize_chunks(chunks, size, dtype="u1")
    except ZeroDivisionError:
        raise ValueError(f"chunks must be positive, got {chunks}") from None
    return tuple(filter(None, rows)) or (0,), tuple(filter(None, columns)) or (0,)


def by_groups(chunks: Sequence[int], groups: int) -> list[tuple[int, int]]:
    """Return ranges of groups: those whose channels begin in a chunk stay together."""
    channels = sum(chunks)
    per_group = channels // groups
    if not per_group:
        return [(0, groups)]
    edges = sorted({ceil(edge / per_group) for edge in bounds(chunks)})
    return list(itertools.pairwise(edges))
