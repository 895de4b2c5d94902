"""The machine's limits, read from what the suite measured of it on the same run."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convbench.results.store import Run

COPY = "limits.Copy.track_copy"
MULTIPLY = "limits.Multiply.track_multiply_add"
TRANSFORM = "limits.Transform.track_rfft2"
# What one value of MULTIPLY is the time of; a multiply-add counts as two operations.
_MULTIPLIED_FLOPS = 2e9


def flops_per_s(multiply_add_s: float) -> float:
    """Return operations per second from what the benchmark of multiply-adds measured."""
    return _MULTIPLIED_FLOPS / multiply_add_s


def transform_flops(height: float, width: float) -> float:
    """Return the operations of the transform of a real image, by the customary count.

    That is 2.5 n log2 n for n real numbers (Cooley and Tukey's algorithm), whoever transforms.
    """
    return 2.5 * height * width * math.log2(max(2.0, height * width))


@dataclass(frozen=True)
class Limits:
    """What one machine does at best in work that presses on one resource alone."""

    copy_s: dict[int, float]
    """Seconds to copy so many bytes."""
    flops_per_s: dict[str, float]
    """Operations per second in multiply-adds of registers, by dtype; each counts as two."""
    transform_s: dict[str, dict[int, float]]
    """Seconds of the real 2-D transform of an image of this side, by dtype."""

    def bytes_per_s(self, count: float) -> float:
        """Return the bandwidth at which `count` bytes, half read and half written, can move.

        It is the best of all copies from the nearest smaller one up: what a larger copy reaches a
        smaller one can reach too, and between two sizes a cache may end anywhere.
        """
        smaller = [size for size in self.copy_s if 2 * size <= count]
        least = max(smaller, default=0)
        return max(2 * size / self.copy_s[size] for size in self.copy_s if size >= least)

    def transform_flops_per_s(self, dtype: str, side: float) -> float:
        """Return operations per second in transforms of this side, by the rule of `bytes_per_s`."""
        known = self.transform_s[dtype]
        least = max((size for size in known if size <= side), default=0)
        return max(transform_flops(n, n) / s for n, s in known.items() if n >= least)

    @property
    def memory_bytes_per_s(self) -> float:
        """Bandwidth of the largest copy, which no cache holds."""
        return self.bytes_per_s(float("inf"))

    @property
    def cache_bytes_per_s(self) -> float:
        """Bandwidth of the fastest copy."""
        return self.bytes_per_s(0)


def read_limits(run: "Run") -> Limits | None:
    """Return the limits that were measured with a run, or None if they were not."""
    copies = {r.params["bytes"]: r.value for r in run.of(COPY) if not r.skipped}
    rates = {r.params["dtype"]: flops_per_s(r.value) for r in run.of(MULTIPLY) if not r.skipped}
    transforms: dict[str, dict[int, float]] = {}
    for record in run.of(TRANSFORM):
        if not record.skipped:
            sizes = transforms.setdefault(record.params["dtype"], {})
            sizes[record.params["size"]] = record.value
    if not copies or not rates or not transforms:
        return None
    return Limits(copies, rates, transforms)
