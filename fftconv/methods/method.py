"""What a convolution method is: the three maps, what prepares them, or why it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from fftconv.methods.plain import PlainMaps
from fftconv.methods.wrappers import Cast, Empty

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from fftconv.geometry import Geometry, Pair
    from fftconv.methods.maps import Map, Maps

    Found: TypeAlias = Iterator[tuple[float, str, dict[str, Any]]]

HALVES = (torch.float16, torch.bfloat16)


class Method:
    """One algorithm for 2-D cross-correlation and both of its gradients.

    A subclass gives a `name`, and the three maps `forward`, `grad_input` and `grad_weight`; then
    `fftconv.register` makes it a method like the others, with gradients of any order. Everything
    else is optional: `unsupported` says what it cannot do, `seconds` makes ``auto`` choose from it,
    `memory` keeps ``auto`` from it where it takes much, and `prepare` is for a method that makes
    things ready once for many calls, in place of the three maps.

    The maps are called with real tensors of the shapes that `geometry` says, with any strides,
    of one floating point dtype (float32 for half precision; complex ones where the method does not
    refuse them in `unsupported`), never empty. They must not change their operands, nor conjugate
    anything. Nothing records what they do, so they may leave torch; several threads may call them
    at once.
    """

    name: str = ""
    """What the user passes as ``method=``."""

    backend: str = "its own"
    """The library that executes it."""

    summary: str = ""
    """What it is good for, one line."""

    predicts: bool = False
    """Whether it says how long a case takes, which is so where a class defines `seconds`."""

    shares: bool = False
    """Whether several maps of a case take less together than one by one."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Take a class that says how long a case takes for one that predicts."""
        super().__init_subclass__(**options)
        if "seconds" in vars(cls) and "predicts" not in vars(cls):
            cls.predicts = True

    def forward(self, x: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
        """Cross-correlate: return y (N, C_out, H_out, W_out), without a bias."""
        raise NotImplementedError(f"method {self.name!r} has no map forward")

    def grad_input(self, g: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
        """Return the gradient of ``sum(forward(x, w) * g)`` with respect to x."""
        raise NotImplementedError(f"method {self.name!r} has no map grad_input")

    def grad_weight(self, x: Tensor, g: Tensor, geometry: Geometry) -> Tensor:
        """Return the gradient of ``sum(forward(x, w) * g)`` with respect to w."""
        raise NotImplementedError(f"method {self.name!r} has no map grad_weight")

    def unavailable(self) -> str | None:
        """Say in one sentence why the method cannot be used on this machine, None if it can."""
        return None

    def unsupported(
        self, geometry: Geometry, dtype: torch.dtype, device: torch.device
    ) -> str | None:
        """Say in one sentence why the method cannot do this case, None if it can.

        `dtype` is what `compute_dtype` returned, so a method without native halves never sees one.
        Unless a class says otherwise, it is for float32, float64 and complex tensors on the CPU.
        """
        if device.type != "cpu":
            return f"method '{self.name}' works on CPU tensors only, got a tensor on {device}"
        if not (dtype.is_floating_point or dtype.is_complex):
            return f"method '{self.name}' does not compute in {dtype}"
        return None

    def compute_dtype(self, dtype: torch.dtype, device: torch.device) -> torch.dtype:
        """Return the dtype that the maps are to be called in; the result is cast back.

        Half precisions are computed in float32 unless a method says otherwise.
        """
        del device
        return torch.float32 if dtype in HALVES else dtype

    def prepare(self, geometry: Geometry, dtype: torch.dtype, device: torch.device) -> Maps:
        """Return the maps of a case, which is never empty.

        `dtype` is what `compute_dtype` returned, and `unsupported` returned None for it. Nothing
        is computed yet: what a map needs for many calls it makes ready at its first.
        """
        del dtype, device
        return PlainMaps(self, geometry)

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
        `names` are of "forward", "grad_input" and "grad_weight", `item_bytes` is 4 or 8.
        Infinity keeps a method from a case that it could do. Only asked where it `predicts`.
        """
        raise NotImplementedError(f"method {self.name!r} predicts nothing")

    def calibrate(self, dtype: torch.dtype) -> Found:
        """Time what `seconds` needs: yield the share done, what comes next, and what was found.

        That is fields of `fftconv.calibration.machine.Precision`.
        """
        del dtype
        yield from ()

    def calibrate_call(self) -> dict[str, Any]:
        """Time a call beside its work: fields of `fftconv.calibration.machine.Machine`."""
        return {}

    def memory(self, geometry: Geometry, item_bytes: int) -> int:
        """Return the bytes that a map takes beside its operands and its result.

        ``auto`` does not take a method where they are more than three times input and output.
        """
        del geometry, item_bytes
        return 0

    def filter_bytes(self, geometry: Geometry, item_bytes: int) -> int:
        """Return the bytes that are kept of a weight beside three times input and output."""
        del geometry, item_bytes
        return 0

    def tile(self, geometry: Geometry, item_bytes: int) -> tuple[Pair, str] | None:
        """Return the size of the transforms that a case is cut into, and whose they are.

        None where there are none.
        """
        return None
