"""Half spectra of real tiles, and back: by MKL where torch brings it, else by torch.fft."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fftconv.methods import mkl

if TYPE_CHECKING:
    from torch import Tensor

    from fftconv.geometry import Pair


def to_spectra(tiles: Tensor, fft: Pair) -> Tensor:
    """Return the half spectra of tiles with zeros after them up to the size `fft`.

    From (N, C, rows, columns, height, width) to (N, C, rows, columns, fH, fW // 2 + 1).
    """
    if _is_mkls(tiles):
        return mkl.forward(tiles, fft)
    spectra: Tensor = torch.fft.rfft2(tiles, s=fft)
    return spectra


def to_tiles(spectra: Tensor, fft: Pair) -> Tensor:
    """Return the tiles of half spectra. The spectra are lost."""
    if _is_mkls(spectra):
        return mkl.inverse(spectra, fft)
    # As irfft2 does, but for keeping its operand alive.
    spectra = torch.fft.ifft(spectra, dim=-2)
    tiles: Tensor = torch.fft.irfft(spectra, n=fft[1])
    return tiles


def _is_mkls(tensor: Tensor) -> bool:
    return tensor.is_cpu and mkl.available()
