"""What an engine of overlap-save is: what computes cases by tiles, and what that costs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fftconv.machine_code.memory import memory_bytes
from fftconv.methods.overlap_save.weight_spectra import KEPT_BYTES

if TYPE_CHECKING:
    import torch

    from fftconv.geometry import Geometry, Pair
    from fftconv.methods.maps import Map, Maps
    from fftconv.methods.overlap_save.weight_spectra import WeightSpectra

Cut = TypeVar("Cut")


GENERATED_CODE = "generated code"
"""Whose the transforms are that are made here, for the machine's vectors."""
WINOGRAD_CODE = f"{GENERATED_CODE} (Winograd's)"
"""The same where tiles are no Fourier transforms, but Winograd's minimal filtering."""


#: Of the machine's memory, this part at most is for spectra of weights, of each engine that needs
#: much. A layer has spectra for each pair of channels: of 3x3 filters for 512 x 512 channels, tiles
#: of 16 x 16 make 130 * 512 * 512 * 8 bytes, 260 MiB; a VGG-16 at 224x224 makes 1.1 GiB in all.
MEMORY_SHARE = 8


def memory_share() -> int:
    """Return the bytes that an engine may keep of weights' spectra."""
    return memory_bytes() // MEMORY_SHARE


class Engine(ABC, Generic[Cut]):
    """One way to work through tiles; all deal with cases of stride and dilation 1.

    `cut` says in the engine's own terms how it would cut up a case. All that is asked afterwards is
    asked of a case and its cut, which nobody else looks into.
    """

    def kept_bytes(self) -> int:
        """Return the bytes of weight spectra that are kept between calls."""
        return KEPT_BYTES

    @abstractmethod
    def serves(self, geometry: Geometry, on_cpu: bool) -> bool:
        """Whether it is to be considered for a case."""

    @abstractmethod
    def cut(self, geometry: Geometry, item_bytes: int, threads: int) -> Cut | None:
        """Return the fastest way to cut up a case that it serves, None if no way is possible."""

    @abstractmethod
    def run(
        self, geometry: Geometry, cut: Cut, dtype: torch.dtype, device: torch.device,
        weights: WeightSpectra,
    ) -> Maps:  # fmt: skip
        """Return the maps of a case; `weights` is where they keep spectra between calls."""

    @abstractmethod
    def seconds(
        self, names: tuple[Map, ...], geometry: Geometry, cut: Cut, item_bytes: int, threads: int,
        learned: bool,
    ) -> float:  # fmt: skip
        """Predict some maps of a case together; infinity if they take too much memory.

        `learned` says that the weight changes from call to call.
        """

    @abstractmethod
    def tile(self, cut: Cut) -> Pair:
        """Return the size of the transforms of the forward map."""

    @abstractmethod
    def transforms(self, cut: Cut) -> str:
        """Name whose transforms a case is cut up for, as a plan says it."""

    def filter_bytes(self, geometry: Geometry, cut: Cut, item_bytes: int) -> int:
        """Return the bytes of a weight's spectra where they do not count as results do."""
        del geometry, cut, item_bytes
        return 0


@dataclass(frozen=True)
class Choice:
    """A case with stride and dilation 1, the engine that has it, and how that one cuts it up."""

    geometry: Geometry
    engine: Engine[Any]
    cut: Any

    def seconds(
        self, names: tuple[Map, ...], item_bytes: int, threads: int, learned: bool
    ) -> float:
        """Predict some maps together; `learned` as of `Engine.seconds`."""
        return self.engine.seconds(names, self.geometry, self.cut, item_bytes, threads, learned)
