"""How fast this machine is at its best: what work that is known took, kept between processes.

A process that begins in a bad hour knows it for one from what others have seen before it, and says
by how much its cells are slower for it.
"""

import hashlib
import json
import math
import os
import platform
import time
from contextlib import suppress
from pathlib import Path

import platformdirs
import torch

from benchmarks.quiet import WORK

# What the machine can do is another matter after an update, or on a battery.
_REMEMBERED_S = 86400.0


class Pace:
    """What known work of one size took at its best, in seconds, by so many threads."""

    def __init__(self, threads: int, size: int) -> None:
        work = f"{WORK}, {size}, {threads}"
        facts = (platform.node(), _processor(), torch.__version__, work)
        name = hashlib.sha256("\0".join(facts).encode()).hexdigest()[:16]
        self._file = platformdirs.user_cache_path("fftconv") / "probe" / f"{name}.json"
        self.best_s, self._seen = self._remembered()

    def _remembered(self) -> tuple[float, float]:
        with suppress(OSError, ValueError, KeyError, TypeError):
            noted = json.loads(self._file.read_text(encoding="utf-8"))
            best_s, seen = (float(noted[name]) for name in ("best_s", "seen"))
            recent = 0 <= time.time() - seen < _REMEMBERED_S
            if 0 < best_s < math.inf and recent:
                return best_s, seen
        return math.inf, 0.0

    def note(self, known_s: float) -> None:
        """Take into account what the work took beside cells, by the rules of their times."""
        if known_s <= self.best_s:
            self.best_s, self._seen = known_s, time.time()

    def slowdown(self, known_s: float) -> float:
        """Return by what factor it took longer than at its best; 1 at least."""
        return max(1.0, known_s / self.best_s)

    def keep(self) -> None:
        """Write it down for other processes; whoever cannot write does without."""
        best_s, seen = self._remembered()
        if best_s < self.best_s:  # another process has seen it meanwhile
            self.best_s, self._seen = best_s, seen
        noted = {"best_s": self.best_s, "seen": self._seen}
        part = self._file.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(noted), encoding="utf-8")
            part.replace(self._file)


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line
    return platform.processor()
