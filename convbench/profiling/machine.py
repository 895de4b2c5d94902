"""The machine's limits, measured now: a profile is held against what the machine can do today."""

from collections.abc import Callable

from asv.machine import Machine

from convbench.roofline.limits import Limits


def measure_limits(dtype: str, report: Callable[[str], None]) -> Limits:
    """Return the limits for one dtype; it takes about four seconds."""
    from benchmarks import limits

    copies = {}
    for size in limits.COPY_BYTES:
        report(f"limits: copying {size:,} bytes")
        copies[size] = limits.fastest_s(limits.copy_call(size))
    report("limits: matrix product")
    size = limits.PRODUCT_SIZE
    rate = 2 * size**3 / limits.fastest_s(limits.product_call(dtype, size))
    transforms = {}
    for size in limits.TRANSFORM_SIZES:
        report(f"limits: transforms of {size}x{size}")
        call = limits.transform_call(dtype, size)
        transforms[size] = limits.fastest_s(call) / limits.transforms(size)
    return Limits(copies, {dtype: rate}, {dtype: transforms})


def machine_text() -> str:
    """Name this machine and its processor, as asv does."""
    facts = Machine.get_defaults()
    return f"{Machine.get_unique_machine_name()} ({facts['cpu']}, {facts['num_cpu']} cores)"
