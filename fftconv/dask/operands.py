"""The operands of a call, checked as torch checks its own: errors come before anything computes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import dask.array as da
import numpy as np
import torch
from dask.base import tokenize
from dask.task_spec import DataNode, TaskRef

from fftconv.dask.reading import CHW, NCHW
from fftconv.dask.sources import Source, source_of
from fftconv.geometry import Geometry, pair, sides
from fftconv.methods.registry import AUTO, FALLBACK, REGISTRY, check_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fftconv.dask.axis import Mode
    from fftconv.geometry import Pair, Sides, Size
    from fftconv.methods.maps import Slot

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


@dataclass(frozen=True)
class Whole:
    """A weight or a bias: an operand that every task takes whole.

    Attributes
    ----------
    shape, dtype
        Of the array.
    reference
        What a task depends on.
    node
        What has to be in a graph for that.
    collections
        The dask array that it comes from, if it does.
    token
        Stands for its values.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    reference: TaskRef
    token: str
    node: Mapping[str, object] = field(default_factory=dict)
    collections: tuple[Any, ...] = ()


def image(name: str, array: Any) -> Source:
    """Read an image: a dask array, or an array in storage that has chunks, as zarr's.

    Raises
    ------
    TypeError, RuntimeError
        As `fftconv.conv2d` does.
    """
    if not is_lazy(array):
        raise TypeError(
            f"{name} must be a dask array or an array in storage that has chunks, "
            f"got {type(array).__name__}"
        )
    if len(array.shape) not in (3, 4):
        raise RuntimeError(
            f"{name} must have 4 dimensions (N, C, H, W) or 3 (C, H, W), "
            f"got shape {tuple(array.shape)}"
        )
    return source_of(name, array, NCHW if len(array.shape) == 4 else CHW)


def is_lazy(array: Any) -> bool:
    """Whether tasks can take parts of it."""
    if isinstance(array, da.Array):
        return True
    parts = ("dtype", "chunks", "__getitem__")
    # A `Delayed` says that it has whatever it is asked for.
    has_shape = isinstance(getattr(array, "shape", None), tuple)
    return has_shape and not isinstance(array, type) and all(hasattr(array, p) for p in parts)


def whole(name: str, array: Any) -> Whole:
    """Read a weight or a bias: an array of numpy, torch or dask.

    Raises
    ------
    TypeError, RuntimeError
        If it is something else, or a tensor whose gradient is to be recorded.
    """
    if isinstance(array, da.Array):
        native = array.dtype.newbyteorder("=")
        one = (array if array.dtype == native else array.astype(native)).rechunk(-1)
        reference = TaskRef((one.name, *[0] * one.ndim))
        return Whole(one.shape, one.dtype, reference, one.name, {}, (one,))
    if isinstance(array, torch.Tensor):
        if array.requires_grad and torch.is_grad_enabled():
            raise RuntimeError(
                f"{name} requires grad, which dask does not record: pass {name}.detach(), and "
                f"take its gradient from fftconv.dask.grad_weight"
            )
        if array.device.type != "cpu":
            raise RuntimeError(f"{name} must be on the CPU, got {array.device}")
        # A copy: the graph computes later, with the values of now.
        values = array.detach().resolve_conj().resolve_neg().numpy().copy()
    elif isinstance(array, np.ndarray):
        values = array.astype(array.dtype.newbyteorder("="))
    else:
        raise TypeError(
            f"{name} must be an array of numpy, torch or dask, got {type(array).__name__}"
        )
    token = tokenize(values)
    key = f"{name}-{token}"
    return Whole(values.shape, values.dtype, TaskRef(key), token, {key: DataNode(key, values)})


def check_dtypes(x: Source, others: Mapping[str, Whole | Source | None]) -> None:
    """Check that the operands are of one dtype, and that torch has it.

    Raises
    ------
    TypeError, RuntimeError
        As torch does.
    """
    for name, other in others.items():
        if other is not None and other.dtype != x.dtype:
            raise RuntimeError(f"{name} must have the input's dtype, {x.dtype}, got {other.dtype}")
    _torchs(x.dtype)


def check_weight(w: Whole) -> None:
    """Check the dimensions of a weight.

    Raises
    ------
    RuntimeError
        If there are not four.
    """
    if len(w.shape) != 4:
        raise RuntimeError(
            f"weight must have 4 dimensions (C_out, C_in / groups, kH, kW), got shape {w.shape}"
        )


def check_bias(bias: Whole | None, channels: int) -> None:
    """Check the shape of a bias.

    Raises
    ------
    RuntimeError
        If it is not one number for each output channel.
    """
    if bias is not None and bias.shape != (channels,):
        raise RuntimeError(
            f"bias must have one number for each of the {channels} output channels, "
            f"got shape {bias.shape}"
        )


def check_method(method: str, geometry: Geometry, dtype: np.dtype[Any], out: Slot = "y") -> None:
    """Check that there is such a method, and that it can do the case.

    `out` says which of the maps will be asked for.

    Raises
    ------
    TypeError, ValueError, RuntimeError, NotImplementedError
        As `fftconv.conv2d` does.
    """
    named = FALLBACK if check_name(method) == AUTO else REGISTRY[method]
    torchs, cpu = _torchs(dtype), torch.device("cpu")
    named.check(geometry, torchs, cpu)
    if named is FALLBACK:
        # It leaves every case to torch, whose kernels for a dtype depend on the map and on whether
        # there is a dilation: one pixel says of which there are any.
        down, right = geometry.dilation
        one = Geometry(1, 1, 1, 1, (1, 1), (1, 1), dilation=(min(down, 2), min(right, 2)))
        pixel = torch.zeros(1, 1, 1, 1, dtype=torchs)
        named.maps(one, torchs, cpu).fill(out, pixel, pixel)


def _torchs(dtype: np.dtype[Any]) -> torch.dtype:
    """Return torch's dtype, which says which there are."""
    return torch.from_numpy(np.empty(0, dtype)).dtype


def padded(
    padding: Size | str, mode: str, size: Pair, kernel_size: Pair, stride: Size, dilation: Size
) -> tuple[Sides, Mode]:
    """Read the padding, and check that the image can be padded so.

    Raises
    ------
    ValueError
        If there is no such mode, as in `torch.nn.Conv2d`.
    RuntimeError, TypeError
        If the numbers do not fit, as in `torch.nn.functional.pad`.
    """
    if mode not in PADDING_MODES:
        raise ValueError(f"padding_mode must be one of {', '.join(PADDING_MODES)}, got {mode!r}")
    around = sides(padding, kernel_size, pair("stride", stride), pair("dilation", dilation))
    for axis, name in enumerate(("rows", "columns")):
        most = {"reflect": size[axis] - 1, "circular": size[axis]}.get(mode)
        widest = max(around[2 * axis : 2 * axis + 2])
        if most is not None and widest > most:
            raise RuntimeError(
                f"padding_mode {mode!r} can add at most {most} to {size[axis]} {name}, got {widest}"
            )
    return around, cast("Mode", mode)
