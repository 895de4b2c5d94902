"""Whether the machine is fit to measure: said before and after, in a line each."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from convbench.suite.conditions import cores_allowed, periods_throttled

_THROTTLES = "cpu[0-9]*/thermal_throttle/*_throttle_count"
_BUSY_LOAD_PER_CORE = 0.25
_STOLEN_SHARE = 0.01
_OTHERS_SHARE = 0.05
_PYPERF_S = 20
# Advice for a machine that does nothing but measure: cores that no other program may use, and the
# interrupts elsewhere. Pairs in turns are for the machines where that cannot be had.
_NOT_HERE = ("Linux scheduler", "IRQ affinity", "Perf event")


@dataclass(frozen=True)
class Reading:
    """Counters of the machine at one moment."""

    moment_s: float
    busy_s: float
    """Processor time of everything that ran, this process and its children included."""
    own_s: float
    stolen_s: float
    """Processor time that the host gave to other guests."""
    swapped_bytes: int
    throttles: int
    out_of_quota: int
    """Periods in which a control group had used up its processor time."""


def read() -> Reading:
    """Return the counters as they are now."""
    cpu, swap, own = psutil.cpu_times(), psutil.swap_memory(), os.times()
    counts = Path("/sys/devices/system/cpu").glob(_THROTTLES)
    return Reading(
        moment_s=time.monotonic(),
        busy_s=cpu.user + cpu.system + getattr(cpu, "irq", 0.0) + getattr(cpu, "softirq", 0.0),
        own_s=own.user + own.system + own.children_user + own.children_system,
        stolen_s=getattr(cpu, "steal", 0.0),
        swapped_bytes=swap.sin + swap.sout,
        throttles=sum(int(count.read_text()) for count in counts),
        out_of_quota=periods_throttled(),
    )


def _pyperf_advice() -> list[str]:
    """Return what pyperf would change about this system: governor, turbo, power supply."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pyperf", "system", "show"],
            capture_output=True,
            text=True,
            check=False,  # it ends with 2 where it may not read something
            timeout=_PYPERF_S,
        )
    except subprocess.TimeoutExpired:
        return []
    # A section is its title, a line under that, and after an empty line its entries.
    _, _, advice = done.stdout.partition("\nAdvices\n")
    lines = advice.partition("\n\n")[2].partition("\n\n")[0].splitlines()
    return [line for line in lines if line and not line.startswith(_NOT_HERE)]


def before() -> list[str]:
    """Say what speaks against measuring now."""
    found = []
    cores = os.cpu_count() or 1
    load = os.getloadavg()[0]
    if load > _BUSY_LOAD_PER_CORE * cores:
        found.append(f"busy: load average {load:.1f} on {cores} cores")
    advice = _pyperf_advice()
    return [*found, f"pyperf advises: {'; '.join(advice)}"] if advice else found


def after(start: Reading, now: Reading) -> list[str]:
    """Say what disturbed the measurement between two readings."""
    found = []
    cores = os.cpu_count() or 1
    available_s = max(1e-9, now.moment_s - start.moment_s) * cores
    stolen = (now.stolen_s - start.stolen_s) / available_s
    others = (now.busy_s - start.busy_s - now.own_s + start.own_s) / available_s
    if others > _OTHERS_SHARE:
        found.append(f"other programs took {others:.0%} of the processors")
    if stolen > _STOLEN_SHARE:
        found.append(f"the host withheld {stolen:.0%} of the processors")
    if now.swapped_bytes > start.swapped_bytes:
        found.append("the machine swapped")
    if now.throttles > start.throttles:
        found.append("the processors were throttled for their temperature")
    if now.out_of_quota > start.out_of_quota:
        found.append(
            f"the quota of processor time ran out {now.out_of_quota - start.out_of_quota} times"
            + (
                f": it allows {allowed:.3g} cores"
                if (allowed := cores_allowed()) is not None
                else ""
            )
        )
    return found
