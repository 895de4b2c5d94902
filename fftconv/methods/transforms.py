"""Transforms of real tiles: one by one, or two at a time as one complex tile.

Two real tiles p and q are transformed together as p + i q. A product with the spectrum of a real
filter acts on both parts alike, so the inverse transform has the two results as its parts, and
nothing has to be taken apart in between. For the gradient of the weight, X and G being spectra of
such pairs, the real part of the inverse of X conj(G) is the sum of both correlations, which is what
is wanted. This saves the inverse of real transforms, which in MKL costs twice as much as forward.

The spectra of weights and gradients are conjugate ones throughout: conj(fft(z)) is the inverse
transform, without its scale, of conj(z), so that costs no pass of its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from fftconv.geometry import Pair


@dataclass(frozen=True)
class Part:
    """Tiles (N, C, rows, columns, fH, fW) that came back.

    ``start`` is their first image, row and column among the tiles that went in; they are to be
    multiplied by ``sign``.
    """

    tiles: Tensor
    start: tuple[int, int, int]
    sign: int = 1


class Transform(ABC):
    """Transforms of tiles (N, C, rows, columns, height, width) to the size `fft`."""

    def __init__(self, fft: Pair) -> None:
        self.fft = fft

    @abstractmethod
    def signal(self, tiles: Tensor) -> Tensor:
        """Return spectra of tiles of the input."""

    @abstractmethod
    def gradient(self, tiles: Tensor) -> Tensor:
        """Return conjugate spectra of tiles of a gradient."""

    @abstractmethod
    def weight(self, w: Tensor) -> Tensor:
        """Return conjugate spectra (C_out, C_in / groups, 1, 1, ...) of a weight."""

    @abstractmethod
    def signal_back(self, spectra: Tensor) -> list[Part]:
        """Return the tiles of products with spectra of the input. The spectra are lost."""

    @abstractmethod
    def gradient_back(self, spectra: Tensor) -> list[Part]:
        """Return the tiles of products with conjugate spectra of a gradient, which are lost."""

    @abstractmethod
    def sum_back(self, spectra: Tensor, size: Pair) -> Tensor:
        """Return the first rows and columns of what the sum of X G is the spectrum of."""


class Single(Transform):
    """Each tile by itself, with the half spectrum of a real signal."""

    def signal(self, tiles: Tensor) -> Tensor:
        """Return half spectra."""
        spectra: Tensor = torch.fft.rfft2(tiles, s=self.fft)
        return spectra

    def gradient(self, tiles: Tensor) -> Tensor:
        """Return conjugate half spectra."""
        return self.signal(tiles).conj_physical_()

    def weight(self, w: Tensor) -> Tensor:
        """Return conjugate half spectra."""
        # Row by row first: the rows of zeros below the weight need no transform.
        rows = torch.fft.rfft(w, n=self.fft[1]).conj_physical_()
        spectrum: Tensor = torch.fft.ifft(rows, n=self.fft[0], dim=-2, norm="forward")
        return spectrum[:, :, None, None]

    def signal_back(self, spectra: Tensor) -> list[Part]:
        """Return the tiles."""
        # As irfft2 does, but for keeping its operand alive.
        spectra = torch.fft.ifft(spectra, dim=-2)
        return [Part(torch.fft.irfft(spectra, n=self.fft[1]), (0, 0, 0))]

    def gradient_back(self, spectra: Tensor) -> list[Part]:
        """Return the tiles."""
        return self.signal_back(spectra.conj_physical_())

    def sum_back(self, spectra: Tensor, size: Pair) -> Tensor:
        """Return the correlation."""
        # Column by column first: rows that are not wanted need no transform.
        columns = torch.fft.ifft(spectra, dim=-2)[..., : size[0], :]
        tile: Tensor = torch.fft.irfft(columns, n=self.fft[1])
        return tile[..., : size[1]]


class Paired(Transform):
    """Two tiles at a time: the first half of them along `axis` with the second half."""

    def __init__(self, fft: Pair, axis: int) -> None:
        super().__init__(fft)
        self._axis = axis
        self._count = 0

    def signal(self, tiles: Tensor) -> Tensor:
        """Return full spectra of pairs."""
        spectra: Tensor = torch.fft.fft2(self._packed(tiles, 1))
        return spectra

    def gradient(self, tiles: Tensor) -> Tensor:
        """Return conjugate full spectra of pairs."""
        spectra: Tensor = torch.fft.ifft2(self._packed(tiles, -1), norm="forward")
        return spectra

    def weight(self, w: Tensor) -> Tensor:
        """Return conjugate full spectra, not of pairs."""
        spectrum: Tensor = torch.fft.fft2(w, s=self.fft).conj_physical_()
        return spectrum[:, :, None, None]

    def signal_back(self, spectra: Tensor) -> list[Part]:
        """Return the real and the imaginary parts."""
        return self._unpacked(torch.fft.ifft2(spectra), 1)

    def gradient_back(self, spectra: Tensor) -> list[Part]:
        """Return the real and the imaginary parts."""
        return self._unpacked(torch.fft.fft2(spectra, norm="forward"), -1)

    def sum_back(self, spectra: Tensor, size: Pair) -> Tensor:
        """Return the correlation, summed over the two tiles of each pair too."""
        tile: Tensor = torch.fft.ifft2(spectra).real
        return tile[..., : size[0], : size[1]]

    def _packed(self, tiles: Tensor, sign: int) -> Tensor:
        """Return p + i q, or p - i q, with zeros around up to the size of the transform."""
        count = tiles.shape[self._axis]
        half = -(-count // 2)
        shape = list(tiles.shape)
        shape[self._axis] = half
        height, width = shape[-2:]
        whole = (height, width) == self.fft and count % 2 == 0
        make = tiles.new_empty if whole else tiles.new_zeros
        packed = make((*shape[:-2], *self.fft, 2))
        inner = packed[..., :height, :width, :]
        inner[..., 0].copy_(tiles.narrow(self._axis, 0, half))
        rest = tiles.narrow(self._axis, half, count - half)
        place = inner[..., 1].narrow(self._axis, 0, count - half)
        if sign > 0:
            place.copy_(rest)
        else:
            torch.neg(rest, out=place)
        self._count = count
        return torch.view_as_complex(packed)

    def _unpacked(self, pairs: Tensor, sign: int) -> list[Part]:
        half = pairs.shape[self._axis]
        parts = torch.view_as_real(pairs)
        imaginary = parts[..., 1].narrow(self._axis, 0, self._count - half)
        start = {0: (half, 0, 0), 2: (0, half, 0), 3: (0, 0, half)}[self._axis]
        return [Part(parts[..., 0], (0, 0, 0)), Part(imaginary, start, sign)]
