"""Run a compiled function in several threads: in torch's own OpenMP pool where there is one.

Numba's own threading layers would be a second pool beside torch's: threads of both spin while they
wait, on the same cores; one layer kills the process when two Python threads use it, another when
the process forks. Torch's OpenMP runtime is reached through the library that torch itself is linked
against, so the threads are the ones that torch uses: as many, as busy, as safe.
"""

from __future__ import annotations

import ctypes
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from threading import get_native_id
from typing import TYPE_CHECKING

import torch

from fftconv.machine_code.team import ASLEEP_NS, LATE_NS, TEAM, now_ns

if TYPE_CHECKING:
    from collections.abc import Callable


@cache
def runner() -> Callable[[int, int, int], None]:
    """Return ``run(function, job, threads)`` for addresses of a function and its one argument."""
    return _openmp() or _python_threads


def _openmp() -> Callable[[int, int, int], None] | None:
    library = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    try:
        # The lookup goes through the libraries that torch is linked against.
        parallel = ctypes.CDLL(str(library)).GOMP_parallel
        number = ctypes.CDLL(str(library)).omp_get_thread_num
    except (OSError, AttributeError):
        return None
    parallel.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint)
    parallel.restype = None
    from fftconv.machine_code import placement, shift

    entry, kind = shift.shift().address, ctypes.c_int64 * shift.COUNT
    cores, threads_at = ctypes.c_int64 * placement.WORDS, ctypes.addressof(placement.THREADS)
    number_at = ctypes.cast(number, ctypes.c_void_p).value
    # To make the fields anew for each job would take longer than all else here. (Several Python
    # threads may have a job each.)
    rooms: list[tuple[ctypes.Array[ctypes.c_int64], int]] = []

    def made() -> tuple[ctypes.Array[ctypes.c_int64], int]:
        fields = kind()
        fields[shift.NUMBER], fields[shift.THREADS] = number_at or 0, threads_at
        return fields, ctypes.addressof(fields)

    def run(function: int, job: int, threads: int) -> None:
        start = now_ns()
        size = TEAM.size(threads, start)
        if size == 1:
            CALL(function)(job)
            return
        fields, address = rooms.pop() if rooms else made()
        fields[shift.FUNCTION], fields[shift.JOB], fields[shift.CORES] = function, job, 0
        if start > TEAM.ended_ns + ASLEEP_NS:
            known = cores()
            fields[shift.MISSING], fields[shift.CALLER] = size, get_native_id()
            fields[shift.CORES] = ctypes.addressof(known)
        parallel(entry, address, size, 0)
        TEAM.ended_ns = end = now_ns()
        if end - start > LATE_NS:
            TEAM.tell(end - start, end - fields[shift.END], end)
        else:
            TEAM.in_time_ns += end - start
        rooms.append((fields, address))

    return run


#: What numba compiled, as ctypes calls it: without the interpreter's lock.
CALL = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


def share(function: int, job: int, threads: int) -> None:
    """Run the function at an address on a job, in so many threads."""
    if threads == 1:
        CALL(function)(job)
    else:
        runner()(function, job, threads)


@cache
def _executor() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="fftconv")


if hasattr(os, "register_at_fork"):
    # A child has none of these threads, and would wait for them for ever.
    os.register_at_fork(after_in_child=_executor.cache_clear)


def _python_threads(function: int, job: int, threads: int) -> None:
    """Share the job with threads of a Python pool; ctypes lets go of the interpreter's lock."""
    call = CALL(function)
    others = [_executor().submit(call, job) for _ in range(threads - 1)]
    call(job)
    for other in others:
        other.result()
