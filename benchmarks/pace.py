"""How fast this machine is just now, and at its best: what a probe took, kept between processes.

A process that begins in a bad minute knows it for one from what others have seen before it. Most
bad minutes pass, and are waited for. But a neighbour may stay for hours, and then whoever waits
measures nothing: so after some minutes in vain less is expected, little by little, until as much
time is measured as waited. Whatever is faster than expected is what is expected from then on.
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

# Waiting in vain for longer is given up: bad spells of a minute or two are waited for.
_PATIENT_S = 120.0
# What a window that counts was worth waiting for. (A cell takes some forty of them.)
_WINDOW_WORTH_S = 0.05
# Then a little less is expected, and that is waited for in turn: some probes long.
_LESS = 1.03
_NEXT_S = 0.2
# What the machine can do is another matter after an update, or on a battery.
_REMEMBERED_S = 86400.0


class Pace:
    """What a probe is expected to take, in seconds, and what it took at its best."""

    def __init__(self, threads: int) -> None:
        facts = (platform.node(), _processor(), torch.__version__, str(threads))
        name = hashlib.sha256("\0".join(facts).encode()).hexdigest()[:16]
        self._file = platformdirs.user_cache_path("fftconv") / "probe" / f"{name}.json"
        self.best_s, self.expected_s, self._missed_s, self._seen = self._remembered()

    def _remembered(self) -> tuple[float, float, float, float]:
        with suppress(OSError, ValueError, KeyError, TypeError):
            noted = json.loads(self._file.read_text(encoding="utf-8"))
            names = ("best_s", "expected_s", "missed_s", "seen")
            best_s, expected_s, missed_s, seen = (float(noted[name]) for name in names)
            recent = 0 <= time.time() - seen < _REMEMBERED_S
            if 0 < best_s <= expected_s < math.inf and missed_s >= 0 and recent:
                return best_s, expected_s, missed_s, seen
        return math.inf, math.inf, 0.0, 0.0

    def is_met(self, probe_s: float) -> bool:
        """Whether a probe took about what is expected."""
        return probe_s <= TOLERANCE * self.expected_s

    def note(self, probe_s: float) -> None:
        """Take a probe's time into account."""
        self.expected_s = min(self.expected_s, probe_s)
        if probe_s <= self.best_s:
            self.best_s, self._seen = probe_s, time.time()

    def waited(self, seconds: float) -> None:
        """Take into account that so long no probe was as expected."""
        self._missed_s += seconds
        if self._missed_s > _PATIENT_S:
            self.expected_s *= _LESS
            self._missed_s = _PATIENT_S - _NEXT_S

    def measured(self) -> None:
        """Take into account that a window met what is expected."""
        self._missed_s = max(0.0, self._missed_s - _WINDOW_WORTH_S)

    def slowdown(self, probe_s: float) -> float:
        """Return by what factor a probe took longer than at its best; 1 at least."""
        return max(1.0, probe_s / self.best_s)

    def keep(self) -> None:
        """Write it down for other processes; whoever cannot write does without."""
        best_s, *_, seen = self._remembered()
        if best_s < self.best_s:  # another process has seen it meanwhile
            self.best_s, self._seen = best_s, seen
        noted = {
            "best_s": self.best_s,
            "expected_s": self.expected_s,
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
