"""How fast this machine is at its best: what a probe took, kept between processes.

A process that begins in a bad minute knows it for one from what others have seen before it. Most
bad minutes pass, and are waited for. But a neighbour may stay for hours, and then whoever waits
measures nothing: so after half a minute in vain nobody waits, until enough is measured at the
machine's best again.
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
from benchmarks.windows import READING

# Waiting in vain for longer is given up: a bad spell of half a minute is waited for.
_PATIENT_S = 30.0
# What a window at the best pace was worth waiting for. (A cell takes some forty of them.)
_WINDOW_WORTH_S = 0.05
# What the machine can do is another matter after an update, or on a battery.
_REMEMBERED_S = 86400.0


class Pace:
    """What a probe took at its best, in seconds, and whether that is waited for."""

    def __init__(self, threads: int) -> None:
        facts = (platform.node(), _processor(), torch.__version__, WORK, str(threads))
        name = hashlib.sha256("\0".join(facts).encode()).hexdigest()[:16]
        self._file = platformdirs.user_cache_path("fftconv") / "probe" / f"{name}.json"
        self.best_s, self._missed_s, self._seen = self._remembered()

    def _remembered(self) -> tuple[float, float, float]:
        with suppress(OSError, ValueError, KeyError, TypeError):
            noted = json.loads(self._file.read_text(encoding="utf-8"))
            best_s, missed_s, seen = (float(noted[name]) for name in ("best_s", "missed_s", "seen"))
            recent = 0 <= time.time() - seen < _REMEMBERED_S
            if 0 < best_s < math.inf and missed_s >= 0 and recent:
                return best_s, missed_s, seen
        return math.inf, 0.0, 0.0

    @property
    def is_slow(self) -> bool:
        """Whether the machine's best was waited for in vain for so long that it was given up."""
        return self._missed_s >= _PATIENT_S

    def is_met(self, probe_s: float) -> bool:
        """Whether a reading of a probe is about what cells read at the machine's best."""
        return probe_s <= READING * self.best_s

    def note(self, probe_s: float) -> None:
        """Take into account what a probe took beside a cell, in the median of its readings.

        The fastest of single readings would be one that nothing happened to, which says little of
        how fast the machine is.
        """
        if probe_s <= self.best_s:
            self.best_s, self._seen = probe_s, time.time()

    def waited(self, seconds: float) -> None:
        """Take into account that so long no probe was at its best."""
        self._missed_s = min(self._missed_s + seconds, _PATIENT_S)

    def measured(self, probe_s: float) -> None:
        """Take into account that a window beside such a probe counts."""
        if self.is_met(probe_s):
            self._missed_s = max(0.0, self._missed_s - _WINDOW_WORTH_S)

    def slowdown(self, probe_s: float) -> float:
        """Return by what factor a probe took longer than at its best; 1 at least."""
        return max(1.0, probe_s / self.best_s)

    def keep(self) -> None:
        """Write it down for other processes; whoever cannot write does without."""
        best_s, *_, seen = self._remembered()
        if best_s < self.best_s:  # another process has seen it meanwhile
            self.best_s, self._seen = best_s, seen
        noted = {"best_s": self.best_s, "missed_s": self._missed_s, "seen": self._seen}
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
