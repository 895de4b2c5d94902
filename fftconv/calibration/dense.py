"""What many channels cost on processors of a kind, where nobody has measured the one at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fftconv.calibration.machine import Dense, processor

if TYPE_CHECKING:
    from fftconv.calibration.machine import Machine
    from fftconv.geometry import Geometry

#: Channels of a group, in and out, below which vectors of channels are half empty.
FEWEST = 6
#: By what torch says of the processor; others count as the slowest.
SHIPPED = {
    "AVX2": Dense(product=1.05e-10, transform=2.4e-10, filter=2.5e-10, native=2.6e-11),
    "AVX512": Dense(product=4.5e-11, transform=1.3e-10, filter=1.5e-10, native=1.25e-11),
}


def rates(machine: Machine, item_bytes: int) -> Dense:
    """Return a machine's constants, or those of its kind."""
    measured = machine.precision(item_bytes).dense
    if measured is not None:
        return measured
    kind = SHIPPED.get(torch.backends.cpu.get_cpu_capability(), SHIPPED["AVX2"])
    wider = item_bytes / 4
    return Dense(kind.product * wider, kind.transform * wider, kind.filter, kind.native * wider)


def native_floor(geometry: Geometry, machine: Machine, item_bytes: int, threads: int) -> float:
    """Return the seconds that torch's convolution takes at least on a processor of this kind.

    Nothing where the machine's own rates were measured: those of another may be of wider vectors.
    """
    if machine.processor == processor() or min(geometry.channels_per_group) < FEWEST:
        return 0.0
    return geometry.macs * rates(machine, item_bytes).native / threads
