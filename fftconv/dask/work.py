"""What tasks compute, once dask has brought them what they read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch

from fftconv._case import prepared
from fftconv._forking import ForkedLock
from fftconv.dask.reading import folded
from fftconv.dask.threads import limited, share
from fftconv.geometry import Geometry

if TYPE_CHECKING:
    from torch import Tensor

    from fftconv.dask.axis import Range, Window
    from fftconv.dask.reading import Array, Recipe
    from fftconv.geometry import Pair, Sides
    from fftconv.methods.maps import Maps

Given: TypeAlias = Any
"""What dask hands to a task: arrays, or what stands for an array in storage."""

_planning = ForkedLock()


@dataclass(frozen=True, slots=True)
class Job:
    """What all tasks of an operation have in common.

    Attributes
    ----------
    kernel_size, stride, dilation
        Of the correlation.
    method
        Which the user named.
    axes
        Which of (N, C, H, W) the result has.
    """

    kernel_size: Pair
    stride: Pair
    dilation: Pair
    method: str
    axes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of channels that a task works on, and the output channels of each."""

    range: Range
    out_channels: int

    @property
    def count(self) -> int:
        """How many groups they are."""
        return self.range[1] - self.range[0]

    def of(self, weight: Array) -> Array:
        """Return their part of a weight or a bias."""
        return weight[self.range[0] * self.out_channels : self.range[1] * self.out_channels]


@dataclass(frozen=True, slots=True)
class Part:
    """A rectangle of the gradient of a padded image, and the part of the output that it needs.

    Attributes
    ----------
    recipe
        How the window of the output's gradient is made, None where no output reaches.
    size
        (height, width) of what the map returns.
    padding
        What the map leaves out around it: (top, bottom, left, right).
    into
        Where it goes among all rectangles of the task.
    """

    recipe: Recipe | None
    size: Pair
    padding: Sides
    into: tuple[slice, slice]


def forward(recipe: Recipe, job: Job, groups: Groups, w: Given, bias: Given, *read: Given) -> Array:
    """Correlate one window."""
    x, weight = tensor(recipe.window(read)), tensor(groups.of(w))
    with torch.no_grad(), limited(share()):
        maps = _maps(job, groups, x.shape, weight.shape, x, needs_grad=False)
        y = maps.forward(x, weight, None if bias is None else tensor(groups.of(bias)))
    return _without(y.numpy(), job.axes)


def grad_input(
    parts: tuple[Part, ...], shape: tuple[int, ...], rows: Window, columns: Window, job: Job,
    groups: Groups, w: Given, *read: Given,
) -> Array:  # fmt: skip
    """Return one block of the gradient of the input.

    Parameters
    ----------
    parts
        Rectangles of the gradient of the padded image, of which copies of the block lie in.
    shape
        (N, C, height, width) of all of them.
    rows, columns
        Where they are added up.
    """
    weight = tensor(_conjugate(groups.of(w)))
    padded: Array | None = None
    for part in parts:
        if part.recipe is None:
            continue
        taken, read = read[: part.recipe.sources], read[part.recipe.sources :]
        g = tensor(part.recipe.window(taken))
        with torch.no_grad(), limited(share()):
            here = (*shape[:2], *part.size)
            maps = _maps(job, groups, here, weight.shape, g, True, part.padding)
            gx = maps.grad_input(g, weight).numpy()
        if padded is None and gx.shape == shape:
            padded = gx
            break
        if padded is None:
            padded = np.zeros(shape, gx.dtype)
        padded[:, :, part.into[0], part.into[1]] = gx
    if padded is None:
        padded = np.zeros(shape, w.dtype)
    return _without(folded(padded, rows, columns), job.axes)


def grad_weight(
    of_input: Recipe, of_output: Recipe, job: Job, groups: Groups, *read: Given
) -> Array:
    """Return what one block of the output contributes to the gradient of the weight."""
    x = tensor(_conjugate(of_input.window(read[: of_input.sources])))
    g = tensor(of_output.window(read[of_input.sources :]))
    ins = x.shape[1] // groups.count
    shape = torch.Size((g.shape[1], ins, *job.kernel_size))
    with torch.no_grad(), limited(share()):
        maps = _maps(job, groups, x.shape, shape, x, needs_grad=True)
        gw: Array = maps.grad_weight(x, g).numpy()
    return gw


def added(*parts: Array) -> Array:
    """Add arrays up in the order in which they are given."""
    total: Array = reduce(np.add, parts)
    return total


def tensor(array: Array) -> Tensor:
    """Return an array as a tensor, without a copy where there can be one; it is not written to."""
    array = np.asarray(array)
    whole = all(stride >= 0 and stride % array.itemsize == 0 for stride in array.strides)
    if not (whole and array.dtype.isnative):
        array = np.ascontiguousarray(array, array.dtype.newbyteorder("="))
    # What another machine has sent may not be written to, of which torch would warn.
    return torch.from_numpy(array if array.flags.writeable else np.asarray(_Unlocked(array)))


class _Unlocked:
    """The memory of an array that says of itself that it may not be written to."""

    def __init__(self, array: Array) -> None:
        self._array = array  # keeps the memory
        address, _ = array.__array_interface__["data"]
        self.__array_interface__ = {**array.__array_interface__, "data": (address, False)}


def _maps(
    job: Job, groups: Groups, shape: tuple[int, ...], weight_shape: torch.Size, like: Tensor,
    needs_grad: bool, padding: Sides = (0, 0, 0, 0),
) -> Maps:  # fmt: skip
    """Return the maps of a block, planned once for all blocks of its shape."""
    geometry = Geometry(
        batch=shape[0],
        in_channels=shape[1],
        out_channels=weight_shape[0],
        groups=groups.count,
        input_size=(shape[2], shape[3]),
        kernel_size=(weight_shape[2], weight_shape[3]),
        stride=job.stride,
        dilation=job.dilation,
        padding=padding,
    )
    with _planning.now:
        return prepared(geometry, job.method, like.dtype, like.device, needs_grad).maps


def _conjugate(array: Array) -> Array:
    return np.conj(array) if np.iscomplexobj(array) else array


def _without(array: Array, axes: tuple[int, ...]) -> Array:
    return array.squeeze(tuple(axis for axis in range(4) if axis not in axes))
