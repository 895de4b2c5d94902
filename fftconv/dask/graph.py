"""The graphs of the three maps: one task a block, and what it depends on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
from dask.base import tokenize
from dask.highlevelgraph import HighLevelGraph
from dask.task_spec import Task, TaskRef

from fftconv.dask import work
from fftconv.dask.axis import adjoint, ranges_of, window
from fftconv.dask.blocks import by_groups
from fftconv.dask.reading import Box
from fftconv.dask.work import Groups, Job, Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fftconv.dask.axis import Mode, Range, Window
    from fftconv.dask.blocks import Sizes
    from fftconv.dask.operands import Whole
    from fftconv.dask.sources import Source
    from fftconv.geometry import Geometry, Pair

#: How many parts of a sum one task adds up.
FAN_IN = 8


@dataclass(frozen=True)
class Case:
    """An operation on whole images.

    Attributes
    ----------
    geometry
        The sizes; the padding is beside zeros of other modes, too.
    mode, constant
        How the image goes on beyond its borders, and with which number if it is a constant.
    method
        Which the user named.
    dtype
        Of what is computed.
    """

    geometry: Geometry
    mode: Mode
    method: str
    dtype: np.dtype[Any]
    constant: complex = 0.0

    def job(self, axes: tuple[int, ...]) -> Job:
        """Return what the tasks have to know."""
        of = self.geometry
        return Job(of.kernel_size, of.stride, of.dilation, self.method, axes)

    def groups(self, chunks: Sequence[int]) -> list[Groups]:
        """Return the groups of channels, as the chunks of the channels keep them together."""
        outs = self.geometry.channels_per_group[1]
        return [Groups(these, outs) for these in by_groups(chunks, self.geometry.groups)]

    def ins(self, groups: Groups) -> Range:
        """Return the input channels of groups."""
        each = self.geometry.channels_per_group[0]
        return groups.range[0] * each, groups.range[1] * each

    def outs(self, groups: Groups) -> Range:
        """Return the output channels of groups."""
        each = groups.out_channels
        return groups.range[0] * each, groups.range[1] * each

    def reads(self, axis: int, outputs: Range) -> Window:
        """Return the window of the input that a range of outputs needs; the axis is 0 or 1."""
        of = self.geometry
        first = outputs[0] * of.stride[axis] - of.padding[2 * axis]
        last = (outputs[1] - 1) * of.stride[axis] - of.padding[2 * axis]
        return window(self.mode, of.input_size[axis], first, last + of.kernel_extent[axis])


def forward(
    case: Case, x: Source, w: Whole, bias: Whole | None, blocks: tuple[Sizes, Sizes]
) -> da.Array:
    """Return the lazy correlation of an image."""
    name = f"conv2d-{_token(case, x, w, bias, blocks)}"
    job, groups = case.job(x.axes), case.groups(x.chunks[1])
    images = ranges_of(x.chunks[0])
    windows = [
        [case.reads(axis, outputs) for outputs in ranges_of(blocks[axis])] for axis in (0, 1)
    ]
    layer: dict[Any, Any] = {**x.node, **w.node, **(bias.node if bias else {})}
    given = None if bias is None else bias.reference
    for at, some, these, rows, columns in _blocks(images, groups, windows):
        box = Box(some, case.ins(these), rows, columns)
        recipe, reads = x.read(box, case.dtype, case.constant)
        key = (name, *(at[axis] for axis in x.axes))
        layer[key] = Task(key, work.forward, recipe, job, these, w.reference, given, *reads)
    chunks = (
        x.chunks[0],
        tuple(case.outs(these)[1] - case.outs(these)[0] for these in groups),
        *blocks,
    )
    collections = [x.collection, *w.collections, *(bias.collections if bias else ())]
    return _array(name, layer, x.axes, chunks, case.dtype, collections)


def grad_input(case: Case, g: Source, w: Whole, blocks: tuple[Sizes, Sizes]) -> da.Array:
    """Return the lazy gradient of the input."""
    name = f"grad-input-{_token(case, g, w, blocks)}"
    job, groups = case.job(g.axes), case.groups(g.chunks[1])
    copies = [
        [
            adjoint(
                case.mode, case.geometry.input_size[axis], _padding(case.geometry, axis), *block
            )
            for block in ranges_of(blocks[axis])
        ]
        for axis in (0, 1)
    ]
    layer: dict[Any, Any] = {**g.node, **w.node}
    images = ranges_of(g.chunks[0])
    for at, some, these, rows, columns in _blocks(images, groups, copies):
        parts, reads = _parts(case, g, some, these, rows, columns)
        ins = case.ins(these)
        shape = some[1] - some[0], ins[1] - ins[0], rows.read, columns.read
        key = (name, *(at[axis] for axis in g.axes))
        layer[key] = Task(
            key, work.grad_input, parts, shape, rows, columns, job, these, w.reference, *reads
        )
    chunks = (
        g.chunks[0],
        tuple(case.ins(these)[1] - case.ins(these)[0] for these in groups),
        *blocks,
    )
    return _array(name, layer, g.axes, chunks, case.dtype, [g.collection, *w.collections])


def grad_weight(case: Case, x: Source, g: Source, blocks: tuple[Sizes, Sizes]) -> da.Array:
    """Return the lazy gradient of the weight: a sum over blocks, always in the same order."""
    name = f"grad-weight-{_token(case, x, g, blocks)}"
    job, groups = case.job(x.axes), case.groups(g.chunks[1])
    layer: dict[Any, Any] = {**x.node, **g.node}
    images = ranges_of(g.chunks[0])
    outputs = [ranges_of(blocks[axis]) for axis in (0, 1)]
    for c, these in enumerate(groups):
        keys: list[Any] = []
        for some, down, right in product(images, *outputs):
            of_input, reads = x.read(
                Box(some, case.ins(these), case.reads(0, down), case.reads(1, right)),
                case.dtype,
            )
            of_output, more = g.read(
                Box(some, case.outs(these), _as_they_are(down), _as_they_are(right)), case.dtype
            )
            key = (f"{name}-part", c, len(keys))
            layer[key] = Task(key, work.grad_weight, of_input, of_output, job, these, *reads, *more)
            keys.append(key)
        _add_up(layer, keys, name, (name, c, 0, 0, 0))
    height, width = case.geometry.kernel_size
    chunks = (
        tuple(case.outs(these)[1] - case.outs(these)[0] for these in groups),
        (case.geometry.channels_per_group[0],),
        (height,),
        (width,),
    )
    return _array(name, layer, (0, 1, 2, 3), chunks, case.dtype, [x.collection, g.collection])


def _add_up(layer: dict[Any, Any], keys: list[Any], name: str, last: Any) -> None:
    """Add tasks that add results up, a few at a time, along a tree that depends on nothing else."""
    level = 0
    while True:
        several = [keys[at : at + FAN_IN] for at in range(0, len(keys), FAN_IN)]
        is_last = len(several) == 1
        sums = [(f"{name}-sum", last[1], level, number) for number in range(len(several))]
        if is_last:
            sums = [last]
        for key, some in zip(sums, several, strict=True):
            layer[key] = Task(key, work.added, *(TaskRef(one) for one in some))
        if is_last:
            return
        keys, level = sums, level + 1


def _parts(
    case: Case, g: Source, images: Range, groups: Groups, rows: Window, columns: Window
) -> tuple[tuple[Part, ...], list[TaskRef]]:
    """Return the rectangles of the padded gradient that a block is added up from."""
    parts, reads = [], []
    for down, right in product(_reached(case, 0, rows), _reached(case, 1, columns)):
        recipe = None
        if down.size and right.size:
            box = Box(images, case.outs(groups), down.window, right.window)
            recipe, more = g.read(box, case.dtype)
            reads += more
        parts.append(
            Part(
                recipe,
                (down.size, right.size),
                (*down.padding, *right.padding),
                (down.into, right.into),
            )
        )
    return tuple(parts), reads


@dataclass(frozen=True)
class _Reached:
    """The places of one axis of a padded image that outputs reach, and which outputs these are."""

    size: int
    padding: Pair
    into: slice
    window: Window


def _reached(case: Case, axis: int, copies: Window) -> list[_Reached]:
    of = case.geometry
    stride, extent, outputs = of.stride[axis], of.kernel_extent[axis], of.output_size[axis]
    found, at = [], 0
    for start, stop in copies.ranges:
        first, last = start + of.padding[2 * axis], stop + of.padding[2 * axis]
        outs = -((extent - 1 - first) // stride), (last - 1) // stride + 1
        low, high = outs[0] * stride, (outs[1] - 1) * stride + extent
        begin, end = max(first, low), min(last, high)
        if outs[0] < outs[1] and begin < end:
            into = slice(at + begin - first, at + end - first)
            needed = window("zeros", outputs, *outs)
            found.append(_Reached(end - begin, (begin - low, high - end), into, needed))
        at += stop - start
    return found


def _padding(geometry: Geometry, axis: int) -> Pair:
    return geometry.padding[2 * axis], geometry.padding[2 * axis + 1]


def _as_they_are(outputs: Range) -> Window:
    return window("zeros", outputs[1], *outputs)


def _blocks(
    images: list[Range], groups: list[Groups], windows: list[list[Window]]
) -> Iterator[tuple[tuple[int, ...], Range, Groups, Window, Window]]:
    """Return each block's place along (N, C, H, W), and what it is of."""
    for n, some in enumerate(images):
        for c, these in enumerate(groups):
            for i, rows in enumerate(windows[0]):
                for j, columns in enumerate(windows[1]):
                    yield (n, c, i, j), some, these, rows, columns


def _token(*of: Any) -> str:
    token: str = tokenize(*(getattr(one, "token", one) for one in of))
    return token


def _array(
    name: str, layer: dict[Any, Any], axes: tuple[int, ...], chunks: tuple[Sizes, ...],
    dtype: np.dtype[Any], collections: Sequence[Any],
) -> da.Array:  # fmt: skip
    dependencies = {c.name: c for c in collections if c is not None}.values()
    graph = HighLevelGraph.from_collections(name, layer, dependencies=list(dependencies))
    return da.Array(graph, name, tuple(chunks[axis] for axis in axes), dtype=dtype)
