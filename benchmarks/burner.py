"""A neighbour on the machine: a process that burns one core, always or a part of the time.

``python -m benchmarks.burner --share 0.5`` runs until it is ended. Studies of what a busy machine
does to a measurement start it beside themselves.
"""

import argparse
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

# Long against a scheduler's slice, short against a cell's samples.
_PERIOD_S = 0.05


def burn(share: float, period_s: float = _PERIOD_S, seconds: float = float("inf")) -> None:
    """Work for `share` of each period, and sleep for the rest of it."""
    end = time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        while time.perf_counter() - start < share * period_s:
            pass
        if share < 1:
            time.sleep(max(0.0, start + period_s - time.perf_counter()))


@contextmanager
def burning(share: float = 1.0) -> Iterator[None]:
    """Have a burner run beside the block."""
    command = [sys.executable, "-m", "benchmarks.burner", "--share", str(share)]
    process = subprocess.Popen([*command, "--parent", str(os.getpid())])
    try:
        time.sleep(0.5)  # until it has started and burns
        if process.poll() is not None:
            raise RuntimeError(f"the burner ended with status {process.returncode}")
        yield
    finally:
        process.kill()
        process.wait()


def share_of_core(text: str) -> float:
    """Read a share of a core's time."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share of a core: above 0, at most 1")
    return value


def main() -> None:
    """Burn until the process is ended, or the one that it was started for is gone."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.burner", description=__doc__)
    parser.add_argument(
        "--share", type=share_of_core, default=1.0, help="of the time (default: all)"
    )
    parser.add_argument("--parent", type=int, help="end when this process has ended")
    options = parser.parse_args()
    while options.parent is None or os.getppid() == options.parent:
        burn(options.share, seconds=1.0)


if __name__ == "__main__":
    main()
