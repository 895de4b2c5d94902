"""`scipy.ndimage`'s `correlate` and `convolve` for plain images in blocks."""

from __future__ import annotations

from functools import partial
from numbers import Number
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import scipy.ndimage
import torch
from dask.base import tokenize

from fftconv.dask import graph
from fftconv.dask.blocks import asked_for
from fftconv.dask.functional import output_blocks
from fftconv.dask.operands import check_dtypes, check_method, is_lazy, whole
from fftconv.dask.reading import HW, NHW
from fftconv.dask.sources import source_of
from fftconv.geometry import Geometry, pair
from fftconv.methods.registry import check_name

if TYPE_CHECKING:
    from fftconv.dask.axis import Mode
    from fftconv.dask.sources import Source
    from fftconv.geometry import Pair, Size

MODES: dict[str, Mode] = {
    "reflect": "symmetric",
    "grid-mirror": "symmetric",
    "mirror": "reflect",
    "nearest": "replicate",
    "wrap": "circular",
    "grid-wrap": "circular",
    "constant": "zeros",
    "grid-constant": "zeros",
}
"""scipy's words for how an image goes on beyond its borders."""

#: Whole numbers are computed in float64 and cut off, as scipy does. A sum that is so near to a
#: whole number, relative to the largest sum of its block, is meant to be that number; and never one
#: that is further away than the most.
ROUNDING, MOST_ROUNDING = 2.0**-46, 0.25


def correlate(
    image: Any,
    weights: Any,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: Size = 0,
    *,
    method: str = "auto",
    chunks: Any = None,
) -> da.Array:
    """Correlate an image in blocks, or a stack of images, lazily: `scipy.ndimage.correlate`.

    Parameters
    ----------
    image
        (H, W), or (S, H, W) for images each by itself: a dask array in any chunks, or an array in
        storage that has chunks, as those of zarr. Whole numbers and truths are computed in float64,
        everything else in its own precision.
    weights
        (kH, kW), or for a stack (1, kH, kW) too: an array of numpy, torch or dask.
    mode, cval, origin
        As of `scipy.ndimage.correlate`; `origin` is one number or one for rows and one for columns.
    method
        As of `fftconv.conv2d`.
    chunks
        As of `fftconv.dask.conv2d`.

    Returns
    -------
    dask.array.Array
        Of the shape of `image`, and of its dtype unless only the weights are complex; then of
        scipy's, which is complex64 for images of few bits.

    Raises
    ------
    RuntimeError, TypeError, ValueError
        As scipy does.
    NotImplementedError
        If the weights reach across the images of a stack.

    Examples
    --------
    >>> import numpy as np
    >>> image = da.ones((1000, 1000), chunks=400, dtype="u1")
    >>> correlate(image, np.full((5, 5), 1 / 25))
    dask.array<to-dtype..., shape=(1000, 1000), dtype=uint8, chunksize=(400, 400), ...>
    """
    return _filtered(image, weights, mode, cval, origin, method, chunks, flip=False)


def convolve(
    image: Any,
    weights: Any,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: Size = 0,
    *,
    method: str = "auto",
    chunks: Any = None,
) -> da.Array:
    """Convolve an image in blocks, or a stack of images, lazily: `scipy.ndimage.convolve`.

    It takes, returns and raises what `correlate` does, with the weights turned by half a turn.
    """
    return _filtered(image, weights, mode, cval, origin, method, chunks, flip=True)


def _filtered(
    image: Any, weights: Any, mode: str, cval: complex, origin: Size, method: str, chunks: Any,
    flip: bool,
) -> da.Array:  # fmt: skip
    if not is_lazy(image):
        raise TypeError(
            f"image must be a dask array or an array in storage that has chunks, "
            f"got {type(image).__name__}"
        )
    if len(image.shape) not in (2, 3):
        raise RuntimeError(
            f"image must have 2 dimensions (H, W) or 3 (S, H, W), got shape {tuple(image.shape)}"
        )
    if not isinstance(mode, str) or mode not in MODES:
        raise RuntimeError(f"mode must be one of {', '.join(MODES)}, got {mode!r}")
    source = source_of("image", image, HW if len(image.shape) == 2 else NHW)
    plane = _plane(weights, len(image.shape))
    _check_constant(cval, source.dtype, plane.dtype)
    shifts = _shifts(plane.shape, pair("origin", origin), flip)
    if flip:
        plane = plane[::-1, ::-1]
    elif plane.dtype.kind == "c":
        plane = plane.conj()  # as scipy's correlate does, and conv2d does not
    result, computed = _dtypes(source.dtype, plane.dtype)
    if 0 in source.shape[2:]:
        return _nothing(source, method, chunks, result)
    weight = whole("weights", plane[None, None].astype(computed))
    case = _case(source.shape, weight.shape, shifts, MODES[mode], method, computed, cval)
    if source.dtype == computed:
        check_dtypes(source, {})
    correlated = graph.forward(case, source, weight, None, output_blocks(case, source, chunks))
    if computed == result:
        return correlated
    to_dtype = partial(_cast, dtype=result)
    name = f"to-dtype-{tokenize(correlated.name, result)}"
    cast: da.Array = da.map_blocks(to_dtype, correlated, dtype=result, name=name)
    return cast


def _nothing(source: Source, method: str, chunks: Any, dtype: np.dtype[Any]) -> da.Array:
    """Return what becomes of an image without rows or columns, of which there is no geometry."""
    check_name(method)
    height, width = source.shape[2:]
    rows, columns = source.chunks[2:] if chunks is None else asked_for(chunks, (height, width))
    cut = source.chunks[0], source.chunks[1], rows, columns
    shape = tuple(source.shape[axis] for axis in source.axes)
    chunked = tuple(cut[axis] for axis in source.axes)
    empty: da.Array = da.zeros(shape, dtype=dtype, chunks=chunked)
    return empty


def _case(
    shape: tuple[int, ...], weight_shape: tuple[int, ...], shifts: Pair, mode: Mode, method: str,
    dtype: np.dtype[Any], constant: complex,
) -> graph.Case:  # fmt: skip
    height, width = weight_shape[2:]
    geometry = Geometry(
        batch=shape[0],
        in_channels=1,
        out_channels=1,
        groups=1,
        input_size=(shape[2], shape[3]),
        kernel_size=(height, width),
        padding=(shifts[0], height - 1 - shifts[0], shifts[1], width - 1 - shifts[1]),
    )
    check_method(method, geometry, dtype)
    return graph.Case(geometry, mode, method, dtype, constant)


def _plane(weights: Any, dimensions: int) -> Any:
    """Return weights as (kH, kW), an array of numpy or dask."""
    if isinstance(weights, torch.Tensor):
        weights = weights.detach().cpu().resolve_conj().resolve_neg().numpy()
    if not isinstance(weights, (np.ndarray, da.Array)):
        raise TypeError(
            f"weights must be an array of numpy, torch or dask, got {type(weights).__name__}"
        )
    if any(length != length for length in weights.shape):  # as dask writes what it does not know
        raise ValueError(f"weights must have a known shape, got {tuple(weights.shape)}")
    if weights.ndim == 3 == dimensions and weights.shape[0] != 1:
        raise NotImplementedError(
            f"weights of a stack must have one plane, for each image by itself, "
            f"got shape {tuple(weights.shape)}"
        )
    if weights.ndim == 3 == dimensions:
        weights = weights[0]
    if weights.ndim != 2 or 0 in weights.shape:
        raise RuntimeError(
            f"weights must have 2 dimensions (kH, kW) and at least one number, "
            f"got shape {tuple(weights.shape)}"
        )
    if weights.dtype.kind not in "biufc":
        raise TypeError(f"weights must be numbers, got {weights.dtype}")
    return weights


def _check_constant(cval: object, image: np.dtype[Any], weights: np.dtype[Any]) -> None:
    """Check what stands beyond the borders, as scipy does."""
    if not isinstance(cval, (Number, np.bool_)):
        raise TypeError(f"cval must be a number, got {type(cval).__name__}")
    if isinstance(cval, (complex, np.complexfloating)) and image.kind != "c":
        kind = TypeError if weights.kind != "c" else ValueError
        raise kind(f"cval must be real for an image of {image}, got {cval}")


def _shifts(size: Pair, origin: Pair, flip: bool) -> Pair:
    """Return how far the first weight lies before the output, as scipy counts it."""
    shifts = []
    for length, of in zip(size, origin, strict=True):
        turned = of
        if flip:  # the middle of an even filter moves to the other side
            turned = -of - (length + 1) % 2
        if not -(length // 2) <= turned <= (length - 1) // 2:
            raise ValueError(f"origin must lie within the weights, {length} wide, got {of}")
        shifts.append(length // 2 + turned)
    return shifts[0], shifts[1]


def _dtypes(image: np.dtype[Any], weights: np.dtype[Any]) -> tuple[np.dtype[Any], np.dtype[Any]]:
    """Return the dtype of the result, and the one to compute in."""
    if image == np.float16:  # which scipy does not know, and torch does
        result = np.result_type(image, np.complex64) if weights.kind == "c" else image
    else:
        result = _scipys(image, weights)
    if image.kind in "fc":
        return result, result
    return result, np.dtype("c16" if result.kind == "c" else "f8")


def _scipys(image: np.dtype[Any], weights: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of scipy's result, or raise as it does: one pixel says which there are."""
    try:
        pixel = scipy.ndimage.correlate(np.zeros((1, 1), image), np.zeros((1, 1), weights))
    except (TypeError, RuntimeError) as error:
        kind = TypeError if isinstance(error, TypeError) else RuntimeError
        raise kind(f"image must be of numbers that scipy.ndimage takes, got {image}") from error
    dtype: np.dtype[Any] = pixel.dtype
    return dtype


def _cast(block: Any, dtype: np.dtype[Any]) -> Any:
    """Round to a narrower dtype; sums of whole numbers are cut off at the point."""
    if dtype.kind == "c":
        return block.astype(dtype)
    most = float(np.abs(block).max()) if block.size else 0.0
    near = min(MOST_ROUNDING, ROUNDING * max(1.0, most))
    whole_ones = np.rint(block)
    cut = np.where(np.abs(block - whole_ones) <= near, whole_ones, block)
    if dtype.kind == "b":  # which is a byte to scipy: of 256 nothing is left
        return cut.astype(np.int64).astype(np.uint8).astype(dtype)
    return cut.astype(dtype)
