"""The machine's limits, read from what the suite measured of it on the same run."""

from dataclasses import dataclass

from convbench.store import Run

COPY = "limits.Copy.track_copy"
PRODUCT = "limits.Multiply.track_product"
TRANSFORM = "limits.Transform.track_rfft2"


@dataclass(frozen=True)
class Limits:
    """What one machine does at best in work that presses on one resource alone."""

    copy_s: dict[int, float]
    """Seconds to copy so many bytes."""
    flops_per_s: dict[str, float]
    """Operations per second in a matrix product, by dtype; a multiply-add counts as two."""
    transform_s: dict[str, dict[int, float]]
    """Seconds of the real 2-D transform of an image of this side, by dtype."""

    def bytes_per_s(self, count: float) -> float:
        """Return the bandwidth at which `count` bytes, half read and half written, can move.

        What a larger copy reaches a smaller one can reach too, which keeps the overhead of a call
        out of the limit.
        """
        large = [size for size in self.copy_s if 2 * size >= count] or [max(self.copy_s)]
        return max(2 * size / self.copy_s[size] for size in large)

    @property
    def memory_bytes_per_s(self) -> float:
        """Bandwidth of the largest copy, which no cache holds."""
        return self.bytes_per_s(float("inf"))

    @property
    def cache_bytes_per_s(self) -> float:
        """Bandwidth of the fastest copy."""
        return self.bytes_per_s(0)


def read_limits(run: Run) -> Limits | None:
    """Return the limits that were measured with a run, or None if they were not."""
    copies = {r.params["bytes"]: r.value for r in run.of(COPY) if not r.skipped}
    rates = {
        r.params["dtype"]: 2 * r.params["size"] ** 3 / r.value
        for r in run.of(PRODUCT)
        if not r.skipped
    }
    transforms: dict[str, dict[int, float]] = {}
    for record in run.of(TRANSFORM):
        if not record.skipped:
            sizes = transforms.setdefault(record.params["dtype"], {})
            sizes[record.params["size"]] = record.value
    if not copies or not rates or not transforms:
        return None
    return Limits(copies, rates, transforms)
