"""What the first call of the compiled method costs, with and without its cache on disk."""

import os
import subprocess
import sys
import tempfile

from benchmarks import operands

_SCRIPT = """
import time, torch, fftconv
x, w = torch.ones(1, 1, 256, 256), torch.ones(1, 1, 7, 7)
start = time.perf_counter()
fftconv.conv2d(x, w, method="compiled")
print(time.perf_counter() - start)
"""


def first_call_s(cache: str) -> float:
    """Return the seconds of the first call in a new process that has torch and fftconv loaded."""
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        env={**os.environ, "NUMBA_CACHE_DIR": cache},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


class FirstCall:
    """Seconds of the first ``conv2d(..., method="compiled")`` of a process, 256/7, float32."""

    version = "1"
    timeout = 120.0
    unit = "seconds"
    params = (["nothing cached", "disk cache"],)
    param_names = ("state",)

    def setup(self, _: str) -> None:
        """Skip commits without the method."""
        missing = operands.missing_method("compiled")
        if missing is not None:
            raise NotImplementedError(missing)

    def track_first_call(self, state: str) -> float:
        """Import numba and compile, or load what an earlier process compiled."""
        with tempfile.TemporaryDirectory() as cache:
            if state == "disk cache":
                first_call_s(cache)
            return first_call_s(cache)
