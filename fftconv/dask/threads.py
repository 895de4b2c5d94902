"""How many threads a task may use: what dask runs at once never asks for more than the cores.

All that computes here asks torch for its number of threads: torch itself, the compiled kernels,
which run in torch's pool, the FFTs of MKL and of scipy. torch keeps this number for each thread of
Python, so it is set for the thread that runs a task, for the time of the task.
"""

from __future__ import annotations

import multiprocessing
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import dask.config
import torch
from dask.system import CPU_COUNT

from fftconv._forking import ForkedLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

_lock = ForkedLock()


def share() -> int:
    """Return the threads for a task that runs in this thread.

    The process has as many as torch would use by itself: the cores, or OMP_NUM_THREADS, which
    distributed sets to 1 for the processes of its workers.
    """
    with _lock.now:  # while another task sets its number, that of new threads is that one
        cores = _elsewhere(torch.get_num_threads)
    return max(1, cores // at_once())


def at_once() -> int:
    """Return how many tasks the scheduler of this thread's task runs in this process at a time.

    With processes of their own for the workers, of `dask.multiprocessing`, in all processes.
    """
    workers = _distributed_threads()
    if workers is not None:
        return workers
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and multiprocessing.parent_process() is None:
        return 1  # the synchronous scheduler
    pool = dask.config.get("pool", None)
    size = pool if isinstance(pool, int) else getattr(pool, "_max_workers", None)
    return int(size or dask.config.get("num_workers", None) or CPU_COUNT)


def _distributed_threads() -> int | None:
    """Count the threads of distributed's workers in this process, None outside of their tasks."""
    distributed: Any = sys.modules.get("distributed")
    if distributed is None:
        return None
    try:
        here = distributed.get_worker()
    except ValueError:
        return None
    workers = {here, *type(here)._instances}
    running = [worker for worker in workers if worker.status.name == "running"]
    return max(1, sum(int(worker.state.nthreads) for worker in running))


@contextmanager
def limited(threads: int) -> Iterator[None]:
    """Let this thread of Python use so many threads, and no other one."""
    own = torch.get_num_threads()
    if own == threads:
        yield
        return
    _set(threads)
    try:
        yield
    finally:
        _set(own)


def _set(threads: int) -> None:
    """Set the number of this thread.

    torch takes it for threads that have not asked yet, too: they get back what they would have had.
    """
    with _lock.now:
        default = _elsewhere(torch.get_num_threads)
        torch.set_num_threads(threads)
        _elsewhere(partial(torch.set_num_threads, default))


def _elsewhere(function: Callable[[], T]) -> T:
    """Call in a new thread, which has torch's number for new threads."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(function).result()
