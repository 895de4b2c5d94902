"""`conv2d` and its two gradients for images in blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fftconv.dask import blocks, graph
from fftconv.dask.operands import (
    check_bias,
    check_dtypes,
    check_method,
    check_weight,
    image,
    padded,
    whole,
)
from fftconv.geometry import Geometry, integer, pair

if TYPE_CHECKING:
    import dask.array as da

    from fftconv.dask.blocks import Sizes
    from fftconv.dask.sources import Source
    from fftconv.geometry import Pair, Size
    from fftconv.methods.maps import Slot


def conv2d(
    x: Any,
    w: Any,
    bias: Any = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
    method: str = "auto",
    *,
    padding_mode: str = "zeros",
    chunks: Any = None,
) -> da.Array:
    """Apply a 2-D cross-correlation to an image in blocks, lazily: `fftconv.conv2d` for dask.

    One task makes one block of the result. It reads the window that the block needs, from the
    chunks of its neighbours or, where `x` lies in storage, straight from there, so that no more
    is in memory than the windows that are worked on.

    Parameters
    ----------
    x
        (N, C_in, H, W) or (C_in, H, W): a dask array in any chunks, or an array in storage that has
        chunks, as those of zarr.
    w
        (C_out, C_in / groups, kH, kW), of the same dtype: an array of numpy, torch or dask.
    bias
        (C_out,) or None.
    stride, padding, dilation, groups, method
        As of `fftconv.conv2d`.
    padding_mode
        ``zeros``, ``reflect``, ``replicate`` or ``circular``, as of `torch.nn.Conv2d`.
    chunks
        The chunks of the result's rows and columns, as dask.array takes them. By default they are
        those of `x`, joined where they are small beside the filter, or lie in storage.

    Returns
    -------
    dask.array.Array
        (N, C_out, H_out, W_out) or (C_out, H_out, W_out), of the dtype of `x`.

    Raises
    ------
    RuntimeError, TypeError, ValueError, NotImplementedError
        As `fftconv.conv2d` and `torch.nn.Conv2d` do, at once: nothing is computed for that.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> image = da.ones((1, 1, 1000, 1000), chunks=400, dtype="f4")
    >>> conv2d(image, np.ones((1, 1, 5, 5), "f4"), padding="same", padding_mode="reflect")
    dask.array<conv2d, shape=(1, 1, 1000, 1000), dtype=float32, chunksize=(1, 1, 400, 400), ...>
    """
    source, weight = image("input", x), whole("weight", w)
    offset = None if bias is None else whole("bias", bias)
    check_weight(weight)
    check_dtypes(source, {"weight": weight, "bias": offset})
    case = _case(
        source.shape, weight.shape, stride, padding, dilation, groups, method, padding_mode,
        source, "y",
    )  # fmt: skip
    check_bias(offset, case.geometry.out_channels)
    return graph.forward(case, source, weight, offset, output_blocks(case, source, chunks))


def grad_input(
    g: Any,
    w: Any,
    input_size: Pair | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
    method: str = "auto",
    *,
    padding_mode: str = "zeros",
    chunks: Any = None,
) -> da.Array:
    """Return the gradient of ``(conv2d(x, w, ...) * g).sum()`` with respect to x, lazily.

    Parameters
    ----------
    g
        What is shaped as the output of `conv2d`, as `x` of `conv2d` may be.
    w, stride, padding, dilation, groups, method, padding_mode
        As of `conv2d`.
    input_size
        (H, W) of x; by default the smallest of which there is such an output.
    chunks
        As of `conv2d`; by default what the chunks of `g` come from, joined as there.

    Returns
    -------
    dask.array.Array
        (N, C_in, H, W) or (C_in, H, W).

    Raises
    ------
    RuntimeError, TypeError, ValueError, NotImplementedError
        As `conv2d` does.
    """
    source, weight = image("grad", g), whole("weight", w)
    check_weight(weight)
    check_dtypes(source, {"weight": weight})
    steps, kernel = pair("stride", stride), (weight.shape[2], weight.shape[3])
    if input_size is None:
        extents = [(k - 1) * d + 1 for k, d in zip(kernel, pair("dilation", dilation), strict=True)]
        # The size is not needed to read the padding.
        around, _ = padded(padding, "zeros", (0, 0), kernel, stride, dilation)
        size = tuple(
            (source.shape[2 + axis] - 1) * steps[axis]
            + extents[axis]
            - sum(around[2 * axis : 2 * axis + 2])
            for axis in (0, 1)
        )
    else:
        size = pair("input_size", input_size)
    channels = weight.shape[1] * integer("groups", groups)
    shape = source.shape[0], channels, *size
    case = _case(
        shape, weight.shape, stride, padding, dilation, groups, method, padding_mode, source, "x"
    )
    _check_output(case.geometry, source)
    if chunks is None:
        widest = max(source.chunks[2]), max(source.chunks[3])
        is_stored = source.stored is not None
        sides = blocks.sides_of(case.geometry, case.dtype.itemsize, is_stored, widest)
        found = tuple(
            blocks.against(source.chunks[2 + axis], steps[axis], size[axis], sides[axis] * step)
            for axis, step in enumerate(steps)
        )
    else:
        found = blocks.asked_for(chunks, case.geometry.input_size)
    return graph.grad_input(case, source, weight, (found[0], found[1]))


def grad_weight(
    x: Any,
    g: Any,
    kernel_size: Size,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
    method: str = "auto",
    *,
    padding_mode: str = "zeros",
) -> da.Array:
    """Return the gradient of ``(conv2d(x, w, ...) * g).sum()`` with respect to w, lazily.

    Each task contributes what one block of `g` does. The contributions are added up along a tree,
    in an order that does not depend on which of them comes first: the same call gives the same
    numbers whoever computes them.

    Parameters
    ----------
    x, g
        What is shaped as the input and as the output of `conv2d`, as `x` of `conv2d` may be.
    kernel_size
        (kH, kW) of the weight.
    stride, padding, dilation, groups, method, padding_mode
        As of `conv2d`.

    Returns
    -------
    dask.array.Array
        (C_out, C_in / groups, kH, kW).

    Raises
    ------
    RuntimeError, TypeError, ValueError, NotImplementedError
        As `conv2d` does.
    """
    source, of_output = image("input", x), image("grad", g)
    check_dtypes(source, {"grad": of_output})
    if source.axes != of_output.axes:
        raise RuntimeError(
            f"grad must have as many dimensions as input, got {len(of_output.axes)} "
            f"and {len(source.axes)}"
        )
    whole_groups = integer("groups", groups)
    if whole_groups <= 0:
        raise RuntimeError(f"groups must be positive, got {whole_groups}")
    size = pair("kernel_size", kernel_size)
    shape = of_output.shape[1], source.shape[1] // whole_groups, *size
    case = _case(
        source.shape, shape, stride, padding, dilation, whole_groups, method, padding_mode,
        source, "w",
    )  # fmt: skip
    _check_output(case.geometry, of_output)
    # The chunks of what is computed are somebody's choice of how much to have in memory.
    is_stored = source.stored is not None and of_output.stored is not None
    widest = max(of_output.chunks[2]), max(of_output.chunks[3])
    sides = blocks.sides_of(case.geometry, case.dtype.itemsize, is_stored, widest)
    cut = tuple(blocks.joined(of_output.chunks[2 + axis], sides[axis]) or (0,) for axis in (0, 1))
    return graph.grad_weight(case, source, of_output, (cut[0], cut[1]))


def output_blocks(case: graph.Case, x: Source, chunks: Any) -> tuple[Sizes, Sizes]:
    """Return the blocks of the output: those asked for, or those that fit the input's chunks."""
    of = case.geometry
    if chunks is not None:
        return blocks.asked_for(chunks, of.output_size)
    widest = max(x.chunks[2]) // of.stride[0], max(x.chunks[3]) // of.stride[1]
    sides = blocks.sides_of(of, case.dtype.itemsize, x.stored is not None, widest)
    rows, columns = (
        blocks.along(x.chunks[2 + axis], of.stride[axis], of.output_size[axis], sides[axis])
        for axis in (0, 1)
    )
    return rows, columns


def _case(
    shape: tuple[int, ...], weight_shape: tuple[int, ...], stride: Size, padding: Size | str,
    dilation: Size, groups: int, method: str, mode: str, like: Source, out: Slot,
) -> graph.Case:  # fmt: skip
    geometry = Geometry.of(shape, weight_shape, stride, padding, dilation, groups)
    _, how = padded(
        padding, mode, geometry.input_size, geometry.kernel_size, geometry.stride, geometry.dilation
    )
    check_method(method, geometry, like.dtype, out)
    return graph.Case(geometry, how, method, like.dtype)


def _check_output(geometry: Geometry, g: Source) -> None:
    if g.shape != geometry.output_shape:
        expected = tuple(geometry.output_shape[axis] for axis in g.axes)
        raise RuntimeError(
            f"grad must have the output's shape, {expected}, "
            f"got {tuple(g.shape[axis] for axis in g.axes)}"
        )
