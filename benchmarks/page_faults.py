"""What memory costs that is given back and fetched again: ``python -m benchmarks.page_faults``.

One call in three processes that differ by what they did before: nothing, freeing a block of 32 MiB,
and what the suite does before it measures (`benchmarks.freed_memory`). Pages are those that the
kernel had to give the process during a call, in the median of some.
"""

import argparse
import multiprocessing
import time
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks import freed_memory, operands
from benchmarks.cases import Case, Direction

CELLS: tuple[tuple[str, Direction, int, int], ...] = (
    ("native", "forward", 512, 3),
    ("native", "backward", 512, 3),
    ("fft", "forward", 512, 3),
    ("fft", "backward", 512, 31),
    ("compiled", "forward", 512, 3),
    ("overlap_save", "backward", 512, 31),
    # 64 MiB of output, which glibc maps anew in each call unless its heap has room.
    ("native", "forward", 4096, 3),
    ("compiled", "forward", 4096, 3),
    ("overlap_save", "forward", 4096, 31),
)
_BLOCK_BYTES = 32 << 20
_SECONDS = 1.0
#: Before anything counts: so many calls, unless they are long.
_WARM_CALLS, _WARM_S = 20, 1.0


def _nothing() -> None:
    pass


def _free_a_block() -> None:
    np.ones(_BLOCK_BYTES - 4096, dtype=np.uint8)


BEFORE: dict[str, Callable[[], object]] = {
    "nothing": _nothing,
    "32 MiB freed": _free_a_block,
    "as the suite": freed_memory.keep,
}


def median_call(
    before: Callable[[], object], call: Callable[[], object], seconds: float
) -> tuple[float, float]:
    """Return the seconds and the pages of a call in a process that did something before."""
    before()
    warm = time.perf_counter() + _WARM_S
    for _ in range(_WARM_CALLS):
        call()
        if time.perf_counter() > warm:
            break
    taken: list[float] = []
    pages: list[int] = []
    end = time.perf_counter() + seconds
    while not taken or time.perf_counter() < end:
        before_call = freed_memory.pages_given()
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
        pages.append(freed_memory.pages_given() - before_call)
    return float(np.median(taken)), float(np.median(pages))


def _in_a_process(name: str, case: Case, direction: Direction, seconds: float) -> str:
    call = operands.measured_call(case, direction)
    once_s, pages = median_call(BEFORE[name], call, seconds)
    return f"{1e6 * once_s:10.0f} {pages:7.0f}"


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page_faults", description=__doc__)
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="for each process")
    methods = list(dict.fromkeys(method for method, *_ in CELLS))
    parser.add_argument(
        "--methods", nargs="+", choices=methods, default=methods, metavar="METHOD",
        help="measure these alone",
    )  # fmt: skip
    options = parser.parse_args(argv)
    print("us and new pages of a call, by what its process did before")
    print(f"{'':32}" + "".join(f"{name:>18}" for name in BEFORE))
    for method, direction, size, taps in CELLS:
        if method not in options.methods:
            continue
        row = f"{f'{method} {direction} {size}/{taps}':32}"
        for name in BEFORE:
            # One task a process: each is forked from this one, which has measured nothing.
            with multiprocessing.get_context("fork").Pool(1) as pool:
                given = (name, Case(method, size, taps), direction, options.seconds)
                row += pool.apply(_in_a_process, given)
        print(row, flush=True)


if __name__ == "__main__":
    main()
