"""The seconds of several calls, side by side: in turns, so that what disturbs one disturbs all."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Seconds that each side is given, and how many samples it has at least and at most.
SIDE_S = 0.12
LEAST, MOST = 5, 31
#: Samples of a side where each waits for what comes before it.
AFTER = 7
#: Short calls are timed many at once, so that a sample takes about as long as this.
SAMPLE_S = 0.0005
#: A side whose calls take as long as this has only so many samples.
LONG_S, LEAST_OF_LONG = 0.3, 3


def synchronize(device: torch.device) -> None:
    """Wait until a device has done what it was told."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def once_s(call: Callable[[], object], device: torch.device) -> float:
    """Return the seconds of one call."""
    synchronize(device)
    start = time.perf_counter()
    call()
    synchronize(device)
    return time.perf_counter() - start


def side_by_side(
    sides: Mapping[str, Callable[[], object]],
    device: torch.device,
    before: Callable[[], object] | None = None,
) -> dict[str, float]:
    """Return the median seconds of a call of each side.

    Each has been called before, so that whatever it compiles or keeps is there. Each round starts
    with another side. Calls are timed one by one after `before`, if that is given; else many at
    once, and each sample is preceded by a call that is not timed.
    """
    firsts = {name: once_s(call, device) for name, call in sides.items()}
    at_once = 0.0 if before else SAMPLE_S
    counts = {name: max(1, int(at_once / max(s, 1e-7))) for name, s in firsts.items()}
    wanted = {name: _samples(counts[name] * s) for name, s in firsts.items()}
    if before:
        wanted = {name: min(AFTER, count) for name, count in wanted.items()}
    samples: dict[str, list[float]] = {name: [] for name in sides}
    names = list(sides)
    for turn in range(max(wanted.values())):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            if len(samples[name]) < wanted[name]:
                if before:
                    before()
                samples[name].append(_sample(sides[name], counts[name], device))
    return {name: median(found) for name, found in samples.items()}


def _samples(sample_s: float) -> int:
    if sample_s >= LONG_S:
        return LEAST_OF_LONG
    return min(MOST, max(LEAST, int(SIDE_S / sample_s)))


def _sample(call: Callable[[], object], count: int, device: torch.device) -> float:
    if count > 1:
        call()

    def several() -> None:
        for _ in range(count):
            call()

    return once_s(several, device) / count
