"""Instructions of one call: a count that a busy machine does not change.

``count(package_dir, cells)`` counts for the fftconv in a folder, so that two commits can be held
against each other. What it sees is one thread on the processor that valgrind emulates:
docs/tracking.md says what that leaves out.
"""

import argparse
import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks import callgrind
from benchmarks.cases import DIRECTIONS, Direction

METHODS = ("native", "compiled", "overlap_save")
SIZES = ((64, 3), (128, 15))
"""Pairs of input and filter size: small, because valgrind takes fifty times as long."""

_ROOT = Path(__file__).parents[1]
# The subject comes first on the path, so that another folder's is imported instead of this one's.
_START = "import sys; sys.path[:0] = {path!r}; from benchmarks.counted import main; main({file!r})"
# What valgrind's processor says of itself, to numba as to everyone (llvmlite's
# get_host_cpu_features, run there). Said to numba beforehand, it compiles outside of valgrind,
# where that takes a fiftieth of the time.
_CPU_NAME = "haswell"
_CPU_FEATURES = (
    "+64bit,+aes,+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,"
    "+movbe,+pclmul,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave"
)


class Cell(NamedTuple):
    """One call: a method on one image with one filter, in float32."""

    method: str
    input_size: int
    filter_size: int
    direction: Direction

    def __str__(self) -> str:
        """Name the cell as tables show it."""
        return f"{self.direction} {self.method} {self.input_size}/{self.filter_size}"


CELLS = tuple(
    Cell(method, *sizes, direction)
    for direction in DIRECTIONS
    for method in METHODS
    for sizes in SIZES
)


def count(package_dir: Path, cells: Sequence[Cell] = CELLS) -> dict[Cell, int]:
    """Return the instructions of one call of each cell, by the fftconv in `package_dir`.

    A cell whose method this fftconv does not have is left out.

    Raises
    ------
    CountError
        There is no valgrind here, or the process that makes the calls failed.
    """
    # At once: the worker's first run is without valgrind, and takes its time.
    callgrind.require()
    with tempfile.TemporaryDirectory(prefix="fftconv-count-") as name:
        folder = Path(name)
        request = folder / "request.json"
        asked = {"package_dir": str(package_dir.resolve()), "cells": cells}
        request.write_text(json.dumps(asked), encoding="utf-8")
        # Paths of one length whichever folder it is: they move what lies in memory, and with it the
        # counts by up to a percent.
        package = folder / "package"
        package.symlink_to(package_dir.resolve())
        start = _START.format(path=[str(package), str(_ROOT)], file=str(request))
        worker = [sys.executable, "-s", "-c", start]
        environment = _environment(folder)
        callgrind.run(worker, folder, environment)
        made = [Cell(*cell) for cell in json.loads(request.read_text(encoding="utf-8"))["cells"]]
        counts = callgrind.instructions(worker, len(made), folder, environment)
    return dict(zip(made, counts, strict=True))


def _environment(folder: Path) -> dict[str, str]:
    """Return the variables under which the same calls take the same instructions."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {
        **inherited,
        "NUMBA_CACHE_DIR": str(folder / "numba"),
        "NUMBA_CPU_NAME": _CPU_NAME,
        "NUMBA_CPU_FEATURES": _CPU_FEATURES,
        "OMP_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
    }


Counts = dict[Cell, int]


class Instructions:
    """Instructions of one call in one thread, in float32. Needs valgrind."""

    version = "1"
    unit = "instructions"
    timeout = 600.0
    params = (list(DIRECTIONS), list(METHODS), [f"{n}/{k}" for n, k in SIZES])
    param_names = ("direction", "method", "input/filter")

    def setup_cache(self) -> Counts:
        """Count all cells in one process: valgrind takes long to import torch."""
        if callgrind.unavailable() is not None:
            return {}
        measured = importlib.util.find_spec("fftconv")
        assert measured is not None
        assert measured.origin is not None
        return count(Path(measured.origin).parents[1])

    def setup(self, counts: Counts, direction: Direction, method: str, sizes: str) -> None:
        """Skip what could not be counted."""
        reason = callgrind.unavailable()
        if reason is None and self._cell(direction, method, sizes) not in counts:
            reason = f"This commit's fftconv has no method {method}."
        if reason is not None:
            raise NotImplementedError(reason)

    def track_instructions(
        self, counts: Counts, direction: Direction, method: str, sizes: str
    ) -> int:
        """Instructions of one call."""
        return counts[self._cell(direction, method, sizes)]

    @staticmethod
    def _cell(direction: Direction, method: str, sizes: str) -> Cell:
        input_size, filter_size = (int(size) for size in sizes.split("/"))
        return Cell(method, input_size, filter_size, direction)


def _print_repeatability(rounds: int) -> None:
    """Count the working tree's cells several times, and print how far the counts differ."""
    counted = [count(_ROOT) for _ in range(rounds)]
    print(f"{'cell':30}{'fewest':>14}{'most':>14}   spread")
    for cell in counted[0]:
        counts = [counts[cell] for counts in counted]
        spread = max(counts) / min(counts) - 1
        print(f"{cell!s:30}{min(counts):14,}{max(counts):14,}{spread:9.4%}")


if __name__ == "__main__":
    argparse.ArgumentParser(
        prog="python -m benchmarks.instructions", description=__doc__
    ).parse_args()
    _print_repeatability(rounds=5)
