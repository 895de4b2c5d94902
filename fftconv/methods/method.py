"""What a convolution method is: what prepares the three maps, or a sentence why it cannot."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from fftconv.methods.wrappers import Cast, Empty

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fftconv.geometry import Geometry, Pair
    from fftconv.methods.maps import Map, Maps

    Found: TypeAlias = Iterator[tuple[float, str, dict[str, Any]]]

HALVES = (torch.float16, torch.bfloat16)


class Method(ABC):
    """One algorithm for 2-D cross-correlation and both of its gradients."""

    name: str
    """What the user passes as ``method=``."""

    backend: str
    """The library that executes it."""

    summary: str
    """What it is good for, one line."""

    predicts: bool = False
    """Whether it says how long a case takes: then ``auto`` chooses from it, too."""

    shares: bool = False
    """Whether several maps of a case take less together than one by one."""

    def unavailable(self) -> str | None:
        """Say in one sentence why the method cannot be used on this machine, None if it can."""
        return None

    @abstractmethod
    def unsupported(
        self, geometry: Geometry, dtype: torch.dtype, device: torch.device
    ) -> str | None:
        """Say in one sentence why the method cannot do this case, None if it can.

        `dtype` is what `compute_dtype` returned, so a method without native halves never sees one.
        """

    def compute_dtype(self, dtype: torch.dtype, device: torch.device) -> torch.dtype:
        """Return the dtype that the maps are to be called in; the result is cast back.

        Half precisions are computed in float32 unless a method says otherwise.
        """
        del device
        return torch.float32 if dtype in HALVES else dtype

    @abstractmethod
    def prepare(self, geometry: Geometry, dtype: torch.dtype, device: torch.device) -> Maps:
        """Return the maps of a case, which is never empty.

        `dtype` is what `compute_dtype` returned, and `unsupported` returned None for it. Nothing
        is computed yet: what a map needs for many calls it makes ready at its first.
        """

    def maps(self, geometry: Geometry, dtype: torch.dtype, device: torch.device) -> Maps:
        """Return what computes a case of tensors of this dtype, whatever the method computes in.

        Raises
        ------
        RuntimeError
            If the method cannot be used on this machine.
        NotImplementedError
            If it cannot do the case.
        """
        computes_in = self.check(geometry, dtype, device)
        if 0 in geometry.input_shape:
            return Empty(geometry)
        maps = self.prepare(geometry, computes_in, device)
        return maps if computes_in == dtype else Cast(maps, computes_in, device)

    def check(self, geometry: Geometry, dtype: torch.dtype, device: torch.device) -> torch.dtype:
        """Return the dtype that a case is computed in, or raise what `maps` raises."""
        computes_in = self.compute_dtype(dtype, device)
        reason = self.unavailable()
        if reason is not None:
            raise RuntimeError(reason)
        reason = self.unsupported(geometry, computes_in, device)
        if reason is not None:
            raise NotImplementedError(reason)
        return computes_in

    def seconds(
        self, names: tuple[Map, ...], geometry: Geometry, item_bytes: int, threads: int,
        learned: bool = False,
    ) -> float:  # fmt: skip
        """Predict how long some maps of a case take together on this machine's CPU.

        `learned` says that the weight changes from call to call.
        Infinity keeps a method from a case that it could do. Only asked where it `predicts`.
        """
        raise NotImplementedError(f"method {self.name!r} predicts nothing")

    def calibrate(self, dtype: torch.dtype) -> Found:
        """Time what `seconds` needs: yield the share done, what comes next, and what was found.

        That is fields of `fftconv.calibration.machine.Precision`.
        """
        del dtype
        yield from ()

    def calibrate_call(self) -> dict[str, float]:
        """Time a call beside its work: fields of `fftconv.calibration.machine.Machine`."""
        return {}

    def filter_bytes(self, geometry: Geometry, item_bytes: int) -> int:
        """Return the bytes that are kept of a weight beside three times input and output."""
        del geometry, item_bytes
        return 0

    def tile(self, geometry: Geometry, item_bytes: int) -> Pair | None:
        """Return the size of the transforms that a case is cut into, None where there are none."""
        return None
