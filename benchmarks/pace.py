"""How fast this machine is just now, and at its best: what a probe took, kept between processes.

A process that begins in a bad minute knows it for one from what others have seen before it. Most
bad minutes pass, and are waited for. But a neighbour may stay for hours, and then whoever waits
measures nothing: so after a minute in vain no more is expected than what most probes take,
until enough is measured at the machine's best again.
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

from benchmarks.windows import TOLERANCE

# Waiting in vain for longer is given up: a bad spell of a minute is waited for.
_PATIENT_S = 60.0
# What a window at the best pace was worth waiting for. (A cell takes some forty of them.)
_WINDOW_WORTH_S = 0.05
# What a probe usually takes is followed by steps, such that one of five is faster: a slow machine
# is not as steady as a quiet one, and within the tolerance of its fastest moments there is little.
# The larger step is how much faster or slower it may become from one probe to the next.
_FASTER, _SLOWER = 0.98, 1.005
# What the machine can do is another matter after an update, or on a battery.
_REMEMBERED_S = 86400.0


class Pace:
    """What a probe is expected to take, in seconds, and what it took at its best."""

    def __init__(self, threads: int) -> None:
        facts = (platform.node(), _processor(), torch.__version__, str(threads))
        name = hashlib.sha256("\0".join(facts).encode()).hexdigest()[:16]
        self._file = platformdirs.user_cache_path("fftconv") / "probe" / f"{name}.json"
        self.best_s, self._usual_s, self._missed_s, self._seen = self._remembered()

    def _remembered(self) -> tuple[float, float, float, float]:
        with suppress(OSError, ValueError, KeyError, TypeError):
            noted = json.loads(self._file.read_text(encoding="utf-8"))
            names = ("best_s", "usual_s", "missed_s", "seen")
            best_s, usual_s, missed_s, seen = (float(noted[name]) for name in names)
            recent = 0 <= time.time() - seen < _REMEMBERED_S
            if 0 < best_s <= usual_s < math.inf and missed_s >= 0 and recent:
                return best_s, usual_s, missed_s, seen
        return math.inf, math.inf, 0.0, 0.0

    @property
    def expected_s(self) -> float:
        """What a probe is to take, about: its best, or what is usual if that was given up."""
        return self._usual_s if self.is_slow else self.best_s

    @property
    def is_slow(self) -> bool:
        """Whether the machine's best was waited for in vain for so long that it was given up."""
        return self._missed_s >= _PATIENT_S

    def is_met(self, probe_s: float) -> bool:
        """Whether a probe took about what is expected."""
        return probe_s <= TOLERANCE * self.expected_s

    def note(self, probe_s: float) -> None:
        """Take a probe's time into account."""
        if probe_s <= self.best_s:
            self.best_s, self._seen = probe_s, time.time()
        if self._usual_s == math.inf:
            self._usual_s = probe_s
        self._usual_s *= _FASTER if probe_s < self._usual_s else _SLOWER
        self._usual_s = max(self._usual_s, self.best_s)

    def waited(self, seconds: float) -> None:
        """Take into account that so long no probe was as expected."""
        self._missed_s = min(self._missed_s + seconds, _PATIENT_S)

    def measured(self, probe_s: float) -> None:
        """Take into account that a window beside such a probe counts."""
        if probe_s <= TOLERANCE * self.best_s:
            self._missed_s = max(0.0, self._missed_s - _WINDOW_WORTH_S)

    def slowdown(self, probe_s: float) -> float:
        """Return by what factor a probe took longer than at its best; 1 at least."""
        return max(1.0, probe_s / self.best_s)

    def keep(self) -> None:
        """Write it down for other processes; whoever cannot write does without."""
        best_s, *_, seen = self._remembered()
        if best_s < self.best_s:  # another process has seen it meanwhile
            self.best_s, self._seen = best_s, seen
            self._usual_s = max(self._usual_s, best_s)
        noted = {
            "best_s": self.best_s,
            "usual_s": self._usual_s,
            "missed_s": self._missed_s,
            "seen": self._seen,
        }
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
