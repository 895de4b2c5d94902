"""The machine's limits, measured now: a profile is held against what the machine can do today."""

from collections.abc import Callable

from asv.machine import Machine

from convbench.asv_command import this_machine
from convbench.roofline.limits import Limits, flops_per_s


def measure_limits(dtype: str, threads: int, report: Callable[[str], None]) -> Limits:
    """Return the limits for one dtype and so many threads; it takes about ten seconds."""
    import torch

    from benchmarks import limits

    torch.set_num_threads(threads)
    copies = {}
    for size in limits.COPY_BYTES:
        report(f"limits: copying {size:,} bytes")
        copies[size] = limits.copy_s(size)
    report("limits: multiply-adds")
    rate = flops_per_s(limits.multiply_add_s(dtype))
    transforms = {}
    for size in limits.TRANSFORM_SIZES:
        report(f"limits: transforms of {size}x{size}")
        transforms[size] = limits.transform_s(dtype, size)
    return Limits(copies, {dtype: rate}, {dtype: transforms})


def machine_text() -> str:
    """Name this machine, as its results do, and its processor."""
    facts = Machine.get_defaults()
    return f"{this_machine()} ({facts['cpu']}, {facts['num_cpu']} cores)"
