"""Real 2-D transforms by the MKL inside torch, called directly.

torch.fft prepares MKL anew at every call, copies tiles that are not dense, and makes the inverse of
a real transform out of a complex and a real one, which takes twice as long as the transform itself.
Here what was prepared is kept, tiles are read where they lie, the inverse is MKL's own, and spectra
take the place of what they are made of where that is not needed any more. Torch exports MKL's
functions on the processors that it brings MKL for; elsewhere torch.fft has to serve.
"""

from __future__ import annotations

import ctypes
from functools import cache, lru_cache
from itertools import product
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from fftconv.geometry import Pair

# Parameters and values of DftiSetValue, as in mkl_dfti.h.
_COUNT, _STORAGE, _PLACEMENT = 7, 10, 11
_INPUT_STRIDES, _OUTPUT_STRIDES, _INPUT_DISTANCE, _OUTPUT_DISTANCE = 12, 13, 14, 15
_BACKWARD_SCALE = 5
_REAL, _COMPLEX_COMPLEX, _IN_PLACE, _NOT_IN_PLACE = 33, 39, 43, 44

Kind = Literal["forward", "forward in place", "inverse in place"]
Axis = tuple[int, int, int]
"""How many transforms, and the steps between their planes and between their spectra."""


@cache
def _library() -> Any:
    library = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    try:
        functions = ctypes.CDLL(str(library))
        for name in ("DftiComputeForward", "DftiComputeBackward"):
            getattr(functions, name).argtypes = (ctypes.c_void_p,) * 3
        functions.DftiFreeDescriptor.argtypes = (ctypes.c_void_p,)
        functions.DftiCommitDescriptor.argtypes = (ctypes.c_void_p,)
        _ = functions.DftiCreateDescriptor_s_md, functions.DftiCreateDescriptor_d_md
        _ = functions.DftiSetValue
    except (OSError, AttributeError):
        return None
    return functions


def available() -> bool:
    """Whether torch brings MKL and lets others call it."""
    return _library() is not None


def forward(tiles: Tensor, fft: Pair) -> Tensor:
    """Return the half spectra of planes, with zeros after them up to the size `fft`.

    Parameters
    ----------
    tiles
        (N, C, rows, columns, height, width); planes may overlap.
    fft
        The size of the transforms.

    Returns
    -------
    Tensor
        (N, C, rows, columns, fft height, fft width // 2 + 1).
    """
    tiles = tiles.resolve_neg()
    *lead, height, width = tiles.shape
    half = fft[1] // 2 + 1
    if (height, width) == fft and tiles.stride(-1) == 1 and tiles.stride(-2) >= width:
        spectra = tiles.new_empty((*lead, height, half), dtype=tiles.dtype.to_complex())
        many = _many(tiles.shape, tiles.stride(), tiles.dtype, "forward", _threads())
        many.run(tiles.data_ptr(), spectra.data_ptr())
        return spectra
    places = tiles.new_zeros((*lead, fft[0], 2 * half))
    places[..., :height, :width].copy_(tiles)
    shape = (*lead, *fft)
    many = _many(shape, places.stride(), places.dtype, "forward in place", _threads())
    many.run(places.data_ptr(), places.data_ptr())
    return torch.view_as_complex(places.unflatten(-1, (half, 2)))


def inverse(spectra: Tensor, fft: Pair) -> Tensor:
    """Return the planes of half spectra, which are lost: the planes lie in their place."""
    places = torch.view_as_real(spectra.contiguous()).flatten(-2)
    shape = (*spectra.shape[:-2], *fft)
    many = _many(shape, places.stride(), places.dtype, "inverse in place", _threads())
    many.run(places.data_ptr(), places.data_ptr())
    return places[..., : fft[1]]


def _threads() -> int:
    """Return the number of threads, for which MKL prepares itself."""
    return torch.get_num_threads()


class _Many:
    """MKL prepared for planes at regular distances, and where groups of such planes start."""

    def __init__(
        self, shape: tuple[int, ...], stride: tuple[int, ...], dtype: torch.dtype, kind: Kind
    ) -> None:
        self._library = _library()
        height, width = shape[-2:]
        half = width // 2 + 1
        axes = _merged(shape[:-2], stride[:-2], height * half)
        # MKL takes one regular distance, which is not 0: the longest axis. The others are walked
        # along here.
        batch = max((axis for axis in axes if axis[1]), default=(1, 0, 0))
        if batch in axes:
            axes.remove(batch)
        item = dtype.itemsize
        self._starts = [
            (
                item * sum(i * axis[1] for i, axis in zip(at, axes, strict=True)),
                2 * item * sum(i * axis[2] for i, axis in zip(at, axes, strict=True)),
            )
            for at in product(*(range(axis[0]) for axis in axes))
        ]
        if kind == "inverse in place":
            self._compute = self._library.DftiComputeBackward
        else:
            self._compute = self._library.DftiComputeForward
        self._in_place = kind != "forward"
        sides = (0, stride[-2], 1), (0, half, 1)
        distances = batch[1:]
        if kind == "inverse in place":
            sides, distances = sides[::-1], distances[::-1]
        self._handle = self._prepared((height, width), dtype, batch[0], sides, distances)

    def _prepared(
        self,
        fft: Pair,
        dtype: torch.dtype,
        count: int,
        strides: tuple[tuple[int, int, int], tuple[int, int, int]],
        distances: Pair,
    ) -> ctypes.c_void_p:
        library, handle = self._library, ctypes.c_void_p()
        letter = "s" if dtype == torch.float32 else "d"
        create = getattr(library, f"DftiCreateDescriptor_{letter}_md")
        _check(create(ctypes.byref(handle), _REAL, ctypes.c_long(2), (ctypes.c_long * 2)(*fft)))
        for parameter, value in (
            (_COUNT, ctypes.c_long(count)),
            (_STORAGE, _COMPLEX_COMPLEX),
            (_PLACEMENT, _IN_PLACE if self._in_place else _NOT_IN_PLACE),
            (_BACKWARD_SCALE, ctypes.c_double(1 / prod(fft))),
            (_INPUT_STRIDES, (ctypes.c_long * 3)(*strides[0])),
            (_OUTPUT_STRIDES, (ctypes.c_long * 3)(*strides[1])),
            (_INPUT_DISTANCE, ctypes.c_long(distances[0])),
            (_OUTPUT_DISTANCE, ctypes.c_long(distances[1])),
        ):
            _check(library.DftiSetValue(handle, parameter, value))
        _check(library.DftiCommitDescriptor(handle))
        return handle

    def run(self, planes: int, spectra: int) -> None:
        """Transform everything between these addresses, which are one if in place."""
        for plane, spectrum in self._starts:
            if self._in_place:
                status = self._compute(self._handle, planes + plane, None)
            else:
                status = self._compute(self._handle, planes + plane, spectra + spectrum)
            _check(status)

    def __del__(self) -> None:
        """Give MKL's memory back."""
        handle = getattr(self, "_handle", None)
        if handle is not None:
            self._library.DftiFreeDescriptor(ctypes.byref(handle))


@lru_cache(maxsize=256)
def _many(
    shape: tuple[int, ...],
    stride: tuple[int, ...],
    dtype: torch.dtype,
    kind: Kind,
    threads: int,
) -> _Many:
    del threads  # what MKL prepares depends on it
    return _Many(shape, stride, dtype, kind)


def _merged(sizes: tuple[int, ...], strides: tuple[int, ...], spectrum: int) -> list[Axis]:
    """Return the axes along which planes lie, those that make one regular row as one."""
    axes: list[Axis] = []
    step = spectrum
    for size, stride in reversed(list(zip(sizes, strides, strict=True))):
        if size > 1:
            if axes and stride == axes[0][0] * axes[0][1]:
                axes[0] = (axes[0][0] * size, *axes[0][1:])
            else:
                axes.insert(0, (size, stride, step))
        step *= size
    return axes


def _check(status: int) -> None:
    if status != 0:
        raise RuntimeError(f"MKL's Fourier transform failed with status {status}")
