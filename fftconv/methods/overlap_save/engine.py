"""What an engine of overlap-save is: what runs tiles of one kind of case, and what that costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from fftconv.calibration.machine import Precision
    from fftconv.geometry import Geometry
    from fftconv.methods.maps import Gradients, Kept, Map, Tensors
    from fftconv.methods.overlap_save.tiling import Tiling


class Run(Protocol):
    """One case, cut up in one way, ready for any operands."""

    weight: object
    """Equal for what transforms weights alike."""

    def weight_spectra(self, w: Tensor) -> Tensor:
        """Return the spectra of a weight."""

    def forward(self, x: Tensor, spectra: Tensor, bias: Tensor | None, keep: bool) -> Kept:
        """Return the output, and the spectra of the input's tiles if they are to be kept."""

    def backward(
        self, g: Tensor, x: Tensor | None, spectra: Tensor | None, kept: Tensors
    ) -> Gradients:
        """Return the input's gradient if there are spectra, the weight's if there is an input."""


class Engine(Protocol):
    """One way to work through the tiles; all deal with cases of stride and dilation 1."""

    def serves(self, geometry: Geometry, on_cpu: bool) -> bool:
        """Whether it is the one for a case, if none before it in the list is."""

    def run(
        self, geometry: Geometry, tiling: Tiling, dtype: torch.dtype, device: torch.device
    ) -> Run:
        """Return what runs a case."""

    def numbers(self, geometry: Geometry, tiling: Tiling) -> float:
        """Count the numbers alive at the worst moment, while both gradients are computed.

        Operands do not count, results do.
        """

    def seconds(
        self, names: tuple[Map, ...], geometry: Geometry, tiling: Tiling, call: float,
        rates: Precision, threads: int,
    ) -> float:  # fmt: skip
        """Predict some maps of a case together; a call takes `call` seconds beside its work."""
