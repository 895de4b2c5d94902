"""The sides of a case's tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fftconv.machine_code import winograd

if TYPE_CHECKING:
    from fftconv.methods.maps import Map

#: Lengths of tiles, each of whose transforms is one straight line: Winograd's, and Fourier's.
LENGTHS = (winograd.LENGTH, 8, 10, 12, 16, 18, 20, 24, 32, 36, 48)


def is_winograd(length: int) -> bool:
    """Whether tiles of this length are real polynomials; those of others have Fourier spectra."""
    return length == winograd.LENGTH


def scale_of(length: int) -> float:
    """Return what products of spectra are to be multiplied by."""
    return 1.0 if is_winograd(length) else 1 / length**2


class Lengths(NamedTuple):
    """Sides of tiles: of the forward map with a weight that is kept or learned, of gradients."""

    forward: int
    learned: int
    grad_input: int
    grad_weight: int

    def of(self, name: Map, learned: bool) -> int:
        """Return the side of one map's tiles."""
        if name == "forward":
            return self.learned if learned else self.forward
        return self.grad_input if name == "grad_input" else self.grad_weight
