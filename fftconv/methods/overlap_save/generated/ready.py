"""The generated transforms, prepared for compiled code to call by address: what `mkl` is for MKL's.

The columns of a tile are transformed in pairs of vectors, one the real part and one the imaginary
part of complex columns, whose spectra come apart by their symmetry. Of the half that is left, rows
are transformed as many at a time as there are lanes. Rows 0 and n / 2 are real, and are one complex
row in lane 0 of the first vectors. What a spectrum holds is twice its numbers, which the way back
takes out again. Spectra are made, multiplied and read in this order; nobody else looks into them.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from fftconv.methods.overlap_save.tiling import OWN_FACTORS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fftconv.geometry import Pair

#: Rows begin this many bytes further than they need: rows that are a power of two apart fall into
#: the same lines of the first-level cache.
APART_BYTES = 64


class Turns:
    """The constants that numbers are turned by between the two stages of a transform.

    Before them lie what the way back is scaled by, and a one.
    """

    def __init__(self, length: int, pixels: int, dtype: torch.dtype) -> None:
        first, second = OWN_FACTORS[length]
        angles = np.outer(np.arange(first), np.arange(second)) / length
        turns = np.exp(-2j * np.pi * angles).ravel().view(np.float64)
        numbers = np.concatenate([[0.25 / pixels, 1.0], turns])
        self._memory: NDArray[np.generic] = numbers.astype(f"f{dtype.itemsize}")
        self.address = self._memory.ctypes.data + 2 * dtype.itemsize


class Functions(NamedTuple):
    """Addresses of the compiled functions for one tile."""

    columns_there: int
    rows_there: int
    rows_back: int
    columns_back: int


class Transforms:
    """Real transforms of planes of one size, there and back, in the calling thread.

    Attributes
    ----------
    functions
        What is to be called, see `planes`.
    turns
        Tables for the columns and for the rows.
    row
        Numbers from one row of a tile to the next.
    area
        Numbers in a spectrum.
    ends
        Bytes from a spectrum's begin to what of the real rows has no other place.
    half_row
        Bytes of a row of a tile whose columns are transformed.
    desk, half, work
        Bytes to work in: a tile comes first, then one whose columns are transformed, then room.
    """

    def __init__(self, fft: Pair, dtype: torch.dtype) -> None:
        from fftconv.machine_code.vectors import VECTOR_BYTES

        height, width = fft
        item = dtype.itemsize
        lanes = VECTOR_BYTES // item
        self.functions = _functions(fft, 8 * item)
        self.turns = Turns(height, height * width, dtype), Turns(width, height * width, dtype)
        self.row = width + APART_BYTES // item
        self.half_row = 2 * width * item + APART_BYTES
        bins = -(-height // 2 // lanes) * width
        self.area = 2 * lanes * (bins + 2)
        self.ends = 2 * VECTOR_BYTES * bins
        self.half = height * self.row * item
        self.work = self.half + height // 2 * self.half_row
        self.desk = self.work + 2 * 2 * VECTOR_BYTES * max(fft)


@cache
def _functions(fft: Pair, bits: int) -> Functions:
    from fftconv.methods.overlap_save.generated import planes

    height, width = fft
    compiled = (
        planes.columns_there(bits, height),
        planes.rows_there(bits, width),
        planes.rows_back(bits, width),
        planes.columns_back(bits, height),
    )
    return Functions(*(function.address for function in compiled))


@lru_cache(maxsize=256)
def transforms(fft: Pair, dtype: torch.dtype) -> Transforms:
    """Return the generated transforms for planes of `fft`, compiled if they are not yet."""
    return Transforms(fft, dtype)
