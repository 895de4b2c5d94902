"""What `auto` costs and loses: its regret against the best method, planning, and the first call.

``asv run --bench planning`` runs it. ``python -m benchmarks.targets`` prints the regret of more
cases at once.
"""

import os
import subprocess
import sys
import tempfile
from typing import Any

import torch

from benchmarks import operands, study
from benchmarks.sampling import Sampled

_FIRST_CALL = """
import time, torch, fftconv
x = torch.randn(1, {channels}, 128, 128, requires_grad={training})
w = torch.randn({channels}, {channels}, {taps}, {taps}, requires_grad={training})
start = time.perf_counter()
y = fftconv.conv2d(x, w, method="{method}")
if {training}:
    y.sum().backward()
print(time.perf_counter() - start)
"""


class Regret:
    """Seconds of `auto` over those of the best method, measured in turns: 1 is perfect."""

    version = "2"
    unit = "ratio"
    timeout = 120.0
    params = (["forward", "training"], [64, 128, 256, 512, 1024], [3, 7, 15, 31, 63])
    param_names = ("direction", "input", "filter")

    def setup(self, direction: str, size: int, taps: int) -> None:
        """Make the calls, or skip where this commit has no plan."""
        operands.subject("plan")
        x, w = (operands.seeded((1, 1, n, n), torch.float32) for n in (size, taps))
        macs = ((size - taps + 1) * taps) ** 2
        names = [m for m in ("auto", *study.METHODS) if m != "native" or macs < 5e8]
        self.calls = {
            m: study.method_call(m, x, w, 1, 0, training=direction == "training") for m in names
        }

    def track_regret(self, *_: object) -> float:
        """Return the ratio."""
        seconds = study.side_by_side(self.calls)
        return seconds["auto"] / min(s for m, s in seconds.items() if m != "auto")


class Plan(Sampled):
    """Seconds of `fftconv.plan` for a case that was planned before."""

    def setup(self) -> None:
        """Plan once."""
        plan: Any = operands.subject("plan")
        call = lambda: plan((1, 1, 512, 512), (1, 1, 31, 31))  # noqa: E731
        self.prepare("plan", lambda: call)

    def time_seen_case(self) -> None:
        """One plan."""
        self.sample()


# Methods with channels and a filter that each is for.
_CALLS = {
    "compiled": ("compiled", 1, 7),
    "overlap_save": ("overlap_save", 1, 31),
    "overlap_save, 64 channels": ("overlap_save", 64, 3),
}


class FirstCall:
    """Seconds of a method's first call in a process: compiled anew, or read from disk."""

    version = "2"
    unit = "seconds"
    timeout = 120.0
    params = (["forward", "training"], list(_CALLS), ["compiles", "reads"])
    param_names = ("direction", "method", "cache")

    def setup(self, direction: str, call: str, cache: str) -> None:
        """Make a folder for numba's cache, and fill it if it is to be read."""
        method, channels, taps = _CALLS[call]
        missing = operands.missing_method(method)
        if missing is not None:
            raise NotImplementedError(missing)
        self.folder = tempfile.TemporaryDirectory()
        self.script = _FIRST_CALL.format(
            training=direction == "training", method=method, channels=channels, taps=taps
        )
        if cache == "reads":
            self._run()

    def teardown(self, *_: object) -> None:
        """Remove the folder."""
        self.folder.cleanup()

    def track_first_call(self, *_: object) -> float:
        """Make the first call of a fresh process."""
        return self._run()

    def _run(self) -> float:
        environment = {**os.environ, "NUMBA_CACHE_DIR": self.folder.name}
        result = subprocess.run(
            [sys.executable, "-c", self.script],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return float(result.stdout)
