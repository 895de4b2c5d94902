"""The Fourier transforms of the MKL inside torch, prepared for compiled code to call by address.

torch.fft prepares MKL anew at every call and makes the inverse of a real transform out of a complex
and a real one, which takes twice as long as the transform itself. Here what was prepared is kept.
Torch exports MKL's functions on the processors that it brings MKL for; elsewhere torch.fft serves.
"""

from __future__ import annotations

import ctypes
from functools import cache, lru_cache
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from fftconv.geometry import Pair

# Parameters and values of DftiSetValue, as in mkl_dfti.h.
_BACKWARD_SCALE, _STORAGE, _PLACEMENT, _THREADS = 5, 10, 11, 27
_INPUT_STRIDES, _OUTPUT_STRIDES = 12, 13
_REAL, _COMPLEX_COMPLEX, _IN_PLACE = 33, 39, 43
#: Rows of spectra are a multiple of this many bytes, which MKL and vectors are fastest at.
_LINE_BYTES = 64


@cache
def _library() -> Any:
    library = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    try:
        functions = ctypes.CDLL(str(library))
        _ = functions.DftiComputeForward, functions.DftiComputeBackward, functions.DftiSetValue
        functions.DftiFreeDescriptor.argtypes = (ctypes.c_void_p,)
        functions.DftiCommitDescriptor.argtypes = (ctypes.c_void_p,)
        _ = functions.DftiCreateDescriptor_s_md, functions.DftiCreateDescriptor_d_md
    except (OSError, AttributeError):
        return None
    return functions


def available() -> bool:
    """Whether torch brings MKL and lets others call it."""
    return _library() is not None


class Transforms:
    """Real transforms of planes of one size, there and back, in place and in the calling thread.

    A plane has ``fft[0]`` rows of `row` numbers, of which the first ``fft[1]`` are the plane's;
    in its spectrum, rows of ``row / 2`` complex numbers, the first ``fft[1] // 2 + 1`` are.

    Attributes
    ----------
    there, back
        Addresses of MKL's functions.
    handle, handle_back
        Their first arguments; the second is the address of a plane. They return 0, or an error.
        May be used by several threads at once.
    """

    def __init__(self, fft: Pair, dtype: torch.dtype) -> None:
        self._library = _library()
        # At exit the module's names are gone before the last of these is.
        self._free, self._byref = self._library.DftiFreeDescriptor, ctypes.byref
        lanes = _LINE_BYTES // dtype.itemsize
        self.row = -(-2 * (fft[1] // 2 + 1) // lanes) * lanes
        real, half = (0, self.row, 1), (0, self.row // 2, 1)
        self._handles = [
            self._prepared(fft, dtype, real, half),
            self._prepared(fft, dtype, half, real),
        ]
        self.handle, self.handle_back = (handle.value or 0 for handle in self._handles)
        self.there = _address(self._library.DftiComputeForward)
        self.back = _address(self._library.DftiComputeBackward)

    def _prepared(
        self,
        fft: Pair,
        dtype: torch.dtype,
        source: tuple[int, int, int],
        target: tuple[int, int, int],
    ) -> ctypes.c_void_p:
        library, handle = self._library, ctypes.c_void_p()
        letter = "s" if dtype == torch.float32 else "d"
        create = getattr(library, f"DftiCreateDescriptor_{letter}_md")
        check(create(ctypes.byref(handle), _REAL, ctypes.c_long(2), (ctypes.c_long * 2)(*fft)))
        for parameter, value in (
            (_STORAGE, _COMPLEX_COMPLEX),
            (_PLACEMENT, _IN_PLACE),
            (_THREADS, ctypes.c_long(1)),
            (_BACKWARD_SCALE, ctypes.c_double(1 / prod(fft))),
            (_INPUT_STRIDES, (ctypes.c_long * 3)(*source)),
            (_OUTPUT_STRIDES, (ctypes.c_long * 3)(*target)),
        ):
            check(library.DftiSetValue(handle, parameter, value))
        check(library.DftiCommitDescriptor(handle))
        return handle

    def __del__(self) -> None:
        """Give MKL's memory back."""
        for handle in getattr(self, "_handles", ()):
            self._free(self._byref(handle))


@lru_cache(maxsize=256)
def transforms(fft: Pair, dtype: torch.dtype) -> Transforms:
    """Return MKL prepared for planes of `fft`."""
    return Transforms(fft, dtype)


def _address(function: Any) -> int:
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    return address


def check(status: int) -> None:
    """Raise an error that names MKL's status, if it is one."""
    if status != 0:
        raise RuntimeError(f"MKL's Fourier transform failed with status {status}")
