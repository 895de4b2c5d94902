"""One cell of any asv suite, called as asv_runner's own timers call it: part of the worker.

`setup` is run again where asv runs it again, before each sample or each call; `number` is asv's. It
imports nothing of convbench, and is read by the Python of the side's own environment.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import pickle
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_RAW = "TimerawBenchmark"
TIMED = ("TimeBenchmark", _RAW)
"""asv's kinds of benchmarks whose values are times."""


def cached(benchmark: Any, caches: Path) -> Any:
    """Return what `setup_cache` gives, made by the first process of this side that needs it.

    As in asv it is made once, pickled, and its folder is the working directory.
    """
    key = benchmark.setup_cache_key
    if key is None:
        return None
    folder = caches / hashlib.sha256(str(key).encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    file = folder / "cache.pickle"
    if not file.exists():
        whole = pickle.dumps(benchmark.do_setup_cache())
        file.with_suffix(".part").write_bytes(whole)
        file.with_suffix(".part").replace(file)
    return pickle.loads(file.read_bytes())


def repeated(function: Callable[..., Any], share: float) -> Callable[..., Any]:
    """Return a function that makes a share of its calls twice: a slowdown that is known."""
    owed = 0.0

    def wrapper(*arguments: Any) -> Any:
        nonlocal owed
        owed += share
        while owed >= 1.0:
            owed -= 1.0
            function(*arguments)
        return function(*arguments)

    return wrapper


class AsvCell:
    """One cell: set up, measured block by block, torn down."""

    def __init__(
        self,
        folder: Path,
        name: str,
        index: int | None,
        caches: Path,
        stopped: Callable[[], int],
        share: float | None,
    ) -> None:
        from asv_runner.discovery import get_benchmark_from_name

        identity = name if index is None else f"{name}-{index}"
        self.benchmark = get_benchmark_from_name(str(folder), identity)
        os.chdir(caches)
        self.benchmark.set_cache(cached(self.benchmark, caches))
        self._raw = type(self.benchmark).__name__ == _RAW
        self._stopped = stopped
        if share is not None and not self._raw:
            self.benchmark.func = repeated(self.benchmark.func, share)

    def set_up(self) -> str | None:
        """Make the operands; return why the cell is skipped, None if it is not."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            skipped = self.benchmark.do_setup()
        if not skipped:
            return None
        said = printed.getvalue().strip().rpartition("asv: skipped: ")[2]
        return said or "by its params"

    def block(self, number: int, *, warm: bool) -> dict[str, Any]:
        """Return the seconds of one call, how many were made, and the seconds besides them.

        Of `number` calls or, where the benchmark says itself how many make a sample, of as many
        samples as come nearest: of one, where each is a process of its own.
        """
        own = int(self.benchmark.number)
        calls = own or number
        samples = 1 if self._raw or not own else max(1, round(number / own))
        timer = self._timer(calls)
        try:
            if warm and not self._raw:
                timer.timeit(1)
            stopped, start = self._stopped(), time.perf_counter()
            seconds = sum(float(timer.timeit(calls)) for _ in range(samples))
        except NotImplementedError as error:
            if type(error).__name__ != "SkipNotImplemented":
                raise
            return {"skipped": str(error) or "the benchmark says so"}
        return {
            "seconds": seconds / (calls * samples),
            "stopped": self._stopped() - stopped,
            "calls": calls * samples,
            "alone": self._raw,  # a sample is a process of its own, and several make no block
            "around_s": max(0.0, time.perf_counter() - start - seconds),
        }

    def _timer(self, calls: int) -> Any:
        benchmark = self.benchmark
        params = benchmark._build_params()
        # Since asv_runner 0.3 each call finds what `setup` has made, and none what another left.
        isolates = benchmark._setups and getattr(benchmark, "_setup_isolates_timed_calls", False)
        if isolates and calls > 1:
            return benchmark._get_interleaved_timer(*params)
        return benchmark._get_timer(*params)

    def tear_down(self) -> None:
        """Let go of the operands."""
        self.benchmark.do_teardown()
