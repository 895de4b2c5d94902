"""What two threads are worth while something else has a core: ``python -m benchmarks.contended``.

A call that waits at a barrier for a thread without a core waits for a slice of the scheduler's,
milliseconds, however short the call is. The table compares `auto` with all threads and with one,
alone and beside a burner: mean, and the 99th percentile over the median.
"""

import argparse
import math
import time
from collections.abc import Callable

import numpy as np
import torch

from benchmarks import operands
from benchmarks.burner import burning, share_of_core
from benchmarks.cases import Case
from benchmarks.sampling import ALL_THREADS

CELLS = ((512, 3), (1024, 15), (256, 31))
_SECONDS = 4.0
_ROUNDS = 4


def call_seconds(call: Callable[[], object], seconds: float) -> list[float]:
    """Return the seconds of each call, one after the other for some seconds."""
    taken = []
    end = time.perf_counter() + seconds
    before = time.perf_counter()
    while before < end:
        call()
        now = time.perf_counter()
        taken.append(now - before)
        before = now
    return taken


def compare(size: int, taps: int, seconds: float) -> dict[int, list[float]]:
    """Return the seconds of each call of `auto`, by its number of threads, taken in turns."""
    found: dict[int, list[float]] = {ALL_THREADS: [], 1: []}
    for _ in range(_ROUNDS):
        for threads, taken in found.items():
            torch.set_num_threads(threads)
            call = operands.measured_call(Case("auto", size, taps), "forward")
            call_seconds(call, 0.1)
            taken += call_seconds(call, seconds / _ROUNDS)
    torch.set_num_threads(ALL_THREADS)
    return found


def _row(size: int, taps: int, seconds: float) -> str:
    found = compare(size, taps, seconds)
    both, one = np.array(found[ALL_THREADS]), np.array(found[1])
    median, late = np.median(both), np.quantile(both, 0.99)
    return (
        f"{size:5d}/{taps:<3d} {1e6 * one.mean():10.0f} {1e6 * both.mean():10.0f} "
        f"{both.mean() / one.mean():8.2f} {1e6 * median:10.0f} {1e6 * late:10.0f} "
        f"{late / median:8.1f}"
    )


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds: above 0")
    return value


def main() -> None:
    """Print the table, alone and beside a burner."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.contended", description=__doc__)
    parser.add_argument(
        "--seconds", type=_seconds, default=_SECONDS, help="for each number of threads"
    )
    parser.add_argument("--share", type=share_of_core, default=1.0, help="of a core that is burnt")
    options = parser.parse_args()
    print(f"us a call, auto, forward, float32; {ALL_THREADS} threads and 1")
    head = f"{'input/filter':>9} {'mean of 1':>10} {'mean':>10} {'over 1':>8} {'median':>10}"
    print(f"{head} {'99th':>10} {'over':>8}")
    print("alone")
    for cell in CELLS:
        print(_row(*cell, options.seconds), flush=True)
    print(f"while {options.share:.0%} of a core is burnt")
    with burning(options.share):
        for cell in CELLS:
            print(_row(*cell, options.seconds), flush=True)


if __name__ == "__main__":
    main()
