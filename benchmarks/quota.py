"""How much of the visible cores the kernel lets this process have: the quota of its control groups.

A container with a quota of two cores on a machine of sixteen sees sixteen. Sixteen threads use up
the quota of each period of 100 ms within 12 ms, and wait for the rest of it.

Source: Linux, Documentation/admin-guide/cgroup-v2.rst (cpu.max, cpu.stat) and
Documentation/scheduler/sched-bwc.rst (cpu.cfs_quota_us, cpu.cfs_period_us).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_ROOT = Path("/")


def _groups(root: Path) -> Iterator[Path]:
    """Yield the folders of this process's groups that may have a quota, and of those above them."""
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, name = line.split(":", 2)
            if controllers == "":
                mounts = ("sys/fs/cgroup", "sys/fs/cgroup/unified")
            elif "cpu" in controllers.split(","):
                mounts = (f"sys/fs/cgroup/{controllers}", "sys/fs/cgroup/cpu")
            else:
                continue
            for mount in mounts:
                # In a container the name may be the host's, and the mount the group itself.
                inner = Path(name.lstrip("/"))
                for part in (inner, *inner.parents):
                    yield root / mount / part


def _numbers(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []


def cores_allowed(root: Path = _ROOT) -> float | None:
    """Return how many cores the quotas allow, None without one.

    Parameters
    ----------
    root
        Where ``proc`` and ``sys`` are.
    """
    found = []
    for group in _groups(root):
        quota, period = [*_numbers(group / "cpu.max"), "max", "0"][:2]
        if quota == "max":  # or there is no such file
            quota = (_numbers(group / "cpu.cfs_quota_us") or ["-1"])[0]
            period = (_numbers(group / "cpu.cfs_period_us") or ["0"])[0]
        with suppress(ValueError):
            if int(quota) > 0 and int(period) > 0:
                found.append(int(quota) / int(period))
    return min(found, default=None)


def periods_throttled(root: Path = _ROOT) -> int:
    """Return in how many periods the quota was used up so far, of the group where it was most."""
    counts = [0]
    for group in _groups(root):
        words = _numbers(group / "cpu.stat")
        pairs = dict(zip(words[::2], words[1::2], strict=False))
        with suppress(ValueError):
            counts.append(int(pairs.get("nr_throttled", "0")))
    return max(counts)


def limited(threads: int, root: Path = _ROOT) -> int:
    """Return so many threads, or as many as a quota has whole cores: at least one."""
    allowed = cores_allowed(root)
    return threads if allowed is None else max(1, min(threads, int(allowed)))
