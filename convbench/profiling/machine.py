"""The machine's limits, measured now: a profile is held against what the machine can do today."""

from asv.machine import Machine

from convbench.asv.machines import this_machine
from convbench.command_line.progress import Announce
from convbench.limits.machine import Limits, flops_per_s


def measure_limits(dtype: str, threads: int, announce: Announce) -> Limits:
    """Return the limits for one dtype and so many threads; it takes about ten seconds."""
    import torch

    from benchmarks import limits

    torch.set_num_threads(threads)
    copies = {}
    for size in limits.COPY_BYTES:
        announce(f"limits: copying {size:,} bytes")
        copies[size] = limits.copy_s(size)
    announce("limits: multiply-adds")
    rate = flops_per_s(limits.multiply_add_s(dtype))
    transforms = {}
    for size in limits.TRANSFORM_SIZES:
        announce(f"limits: transforms of {size}x{size}")
        transforms[size] = limits.transform_s(dtype, size)
    return Limits(copies, {dtype: rate}, {dtype: transforms})


def machine_text() -> str:
    """Name this machine, as its results do, and its processor."""
    facts = Machine.get_defaults()
    return f"{this_machine()} ({facts['cpu']}, {facts['num_cpu']} cores)"
