"""Direct cross-correlation in compiled register blocks (`job`, `direct_loops`)."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import torch

from fftconv.calibration.machine import known
from fftconv.machine_code.usable import obstacle
from fftconv.methods.compiled import cost
from fftconv.methods.maps import Maps, readable
from fftconv.methods.method import Method
from fftconv.methods.new_memory import results_s
from fftconv.methods.polyphase import Polyphase
from fftconv.methods.timing import call_s
from fftconv.methods.turned import Turned, turned

if TYPE_CHECKING:
    from torch import Tensor

    from fftconv.geometry import Geometry
    from fftconv.methods.compiled.job import Job
    from fftconv.methods.maps import Map
    from fftconv.methods.method import Found


class Compiled(Method):
    """The definition, compiled by numba for this processor.

    The tiles are explicit vector instructions with the block of outputs held in registers, so that
    the multiply-adds and not the loads set the pace. Padding is read through masks: nothing is
    copied.
    """

    name = "compiled"
    backend = "numba"
    predicts = True
    summary = "direct, compiled for this processor: few channels, filters up to about 31"

    def unavailable(self) -> str | None:
        """Say so where numba is missing or of no use."""
        reason = obstacle()
        return None if reason is None else f"method 'compiled' {reason}"

    def unsupported(
        self, geometry: Geometry, dtype: torch.dtype, device: torch.device
    ) -> str | None:
        """Name the dtype or the device that there is no kernel for."""
        if device.type != "cpu":
            return f"method 'compiled' works on CPU tensors only, got a tensor on {device}"
        if dtype not in (torch.float32, torch.float64):
            return f"method 'compiled' computes in float32 and float64, not in {dtype}"
        return None

    def prepare(self, geometry: Geometry, dtype: torch.dtype, device: torch.device) -> Maps:
        """Return the maps, out of those for stride and dilation 1."""

        def plain(geometry: Geometry) -> Maps:
            if geometry.is_one_column:
                return Turned(CompiledMaps(turned(geometry), dtype))
            return CompiledMaps(geometry, dtype)

        return plain(geometry) if geometry.is_unit else Polyphase(geometry, plain)

    def seconds(
        self, names: tuple[Map, ...], geometry: Geometry, item_bytes: int, threads: int,
        learned: bool = False,
    ) -> float:  # fmt: skip
        """Count vector instructions."""
        del learned
        machine = known()
        work = sum(cost.seconds(name, geometry, item_bytes, machine, threads) for name in names)
        return work + results_s(names, geometry, item_bytes, machine, threads)

    def calibrate(self, dtype: torch.dtype) -> Found:
        """Time the kernels, and copies of planes."""
        from fftconv.methods.compiled import rates

        return rates.measure(self, dtype)

    def calibrate_call(self) -> dict[str, float]:
        """Time the shortest map."""
        return {"compiled_call": call_s(self)}


class CompiledMaps(Maps):
    """The maps with stride and dilation 1, each a job that is made ready when it is first needed.

    A gradient is the same computation with other operands: that of the input correlates g with the
    reversed weight, that of the weight correlates x with g.
    """

    def __init__(self, geometry: Geometry, dtype: torch.dtype) -> None:
        self._geometry, self._bits = geometry, 8 * dtype.itemsize

    @cached_property
    def _forward(self) -> Job:
        return self._job("forward")

    @cached_property
    def _grad_input(self) -> Job:
        return self._job("grad_input")

    @cached_property
    def _grad_weight(self) -> Job:
        return self._job("grad_weight")

    def _job(self, name: Map) -> Job:
        from fftconv.methods.compiled.job import Job

        return Job(name, self._geometry, self._bits)

    def forward(self, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
        """Correlate x with w."""
        # Written out: a call to ask would take a tenth of what a small image takes.
        if bias is not None:
            bias = _dense(bias)
        if x.is_contiguous() and w.is_contiguous() and not (x.is_neg() or w.is_neg()):
            return self._forward.run(x, w, bias)
        return self._forward.run_strided(readable(x), _dense(w), bias)

    def grad_input(self, g: Tensor, w: Tensor) -> Tensor:
        """Correlate g with the reversed weight, input and output channels exchanged."""
        job, w = self._grad_input, _dense(w)
        if job.needs_flip:
            w = w.flip((2, 3))
        return job.run(g, w) if _is_dense(g) else job.run_strided(readable(g), w)

    def grad_weight(self, x: Tensor, g: Tensor) -> Tensor:
        """Correlate x with g, summed over the batch."""
        if _is_dense(x) and _is_dense(g):
            return self._grad_weight.run(x, g)
        return self._grad_weight.run_strided(readable(x), readable(g), read_b=True)


def _is_dense(tensor: Tensor) -> bool:
    return tensor.is_contiguous() and not tensor.is_neg()


def _dense(tensor: Tensor) -> Tensor:
    return tensor if _is_dense(tensor) else tensor.resolve_neg().contiguous()
