"""Threads of a team are sent from their caller's core, and may go where they might before."""

import ctypes
import importlib.util
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias

import pytest

numba = pytest.importorskip("numba")

from fftconv.machine_code import placement, shift  # noqa: E402
from fftconv.machine_code.compiling import JOB  # noqa: E402
from fftconv.machine_code.pool import CALL, runner  # noqa: E402

pytestmark = pytest.mark.skipif(
    not placement.IS_KNOWN, reason="only Linux says, and is told, where threads run"
)
SET = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_int32, ctypes.c_int64, ctypes.POINTER(ctypes.c_int64)
)
SendAway: TypeAlias = Callable[[list[int], int], None]
CORES = sorted(os.sched_getaffinity(0))


@pytest.fixture
def told() -> list[tuple[int, set[int]]]:
    """List which thread was allowed which cores."""
    return []


@pytest.fixture
def send_away(told: list[tuple[int, set[int]]]) -> SendAway:
    """Return the function, out of a module that tells what it asks of the kernel."""
    spec = importlib.util.spec_from_file_location("placement_that_tells", placement.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def note(thread: int, size: int, words: Any) -> int:
        assert size == 8 * placement.WORDS
        cores = {c for c in range(64 * placement.WORDS) if words[c // 64] >> c % 64 & 1}
        os.sched_setaffinity(thread, cores)
        told.append((thread, cores))
        return 0

    module._set = SET(note)  # type: ignore[attr-defined]

    def away(job: Any) -> None:
        module.send_away(shift.as_pointer(job[0]), job[1], shift.as_pointer(job[2]))

    compiled: Any = numba.cfunc(numba.types.void(JOB))(away)

    def call(threads: list[int], caller: int) -> None:
        known = (ctypes.c_int64 * placement.REMEMBERED)(*threads)
        room = (ctypes.c_int64 * placement.WORDS)()
        job = (ctypes.c_int64 * 3)(ctypes.addressof(known), caller, ctypes.addressof(room))
        CALL(compiled.address)(ctypes.addressof(job))

    return call


@pytest.fixture
def sleeper() -> Iterator[int]:
    """Return the number of a thread that does nothing."""
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    assert thread.native_id is not None
    yield thread.native_id
    end.set()
    thread.join()


@pytest.mark.skipif(len(CORES) < 2, reason="there is no other core here")
def test_a_thread_is_sent_away_and_may_come_back(
    send_away: SendAway, told: list[tuple[int, set[int]]], sleeper: int
) -> None:
    own = threading.get_native_id()
    os.sched_setaffinity(own, {CORES[1]})
    try:
        send_away([own, sleeper], own)
    finally:
        os.sched_setaffinity(own, CORES)
    assert told == [(sleeper, set(CORES) - {CORES[1]}), (sleeper, set(CORES))]
    assert os.sched_getaffinity(sleeper) == set(CORES)


def test_a_thread_that_may_be_nowhere_else_is_left_alone(
    send_away: SendAway, told: list[tuple[int, set[int]]], sleeper: int
) -> None:
    own = threading.get_native_id()
    for thread in (own, sleeper):
        os.sched_setaffinity(thread, {CORES[0]})
    try:
        send_away([sleeper], own)
    finally:
        os.sched_setaffinity(own, CORES)
    assert told == []
    assert os.sched_getaffinity(sleeper) == {CORES[0]}


def test_a_thread_that_has_ended_is_passed_over(
    send_away: SendAway, told: list[tuple[int, set[int]]], sleeper: int
) -> None:
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(threading.get_native_id).result()
    while Path(f"/proc/self/task/{ended}").exists():  # it may end after it was joined
        time.sleep(0.001)
    send_away([ended, sleeper], threading.get_native_id())
    assert {thread for thread, _ in told} <= {sleeper}


def test_a_full_list_takes_no_more() -> None:
    def note(job: Any) -> None:
        for thread in range(1, placement.REMEMBERED + 9):
            placement.remember(job, thread)
            placement.remember(job, thread)

    known = (ctypes.c_int64 * (placement.REMEMBERED + 1))()
    compiled: Any = numba.cfunc(numba.types.void(JOB))(note)
    CALL(compiled.address)(ctypes.addressof(known))
    assert list(known) == [*range(1, placement.REMEMBERED + 1), 0]


def in_child(check: Callable[[], bool]) -> bool:
    child = os.fork()
    if child == 0:
        os._exit(0 if check() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork")
def test_a_child_knows_none_of_its_parents_threads() -> None:
    runner()  # where there is torch's OpenMP, this is what notes them
    placement.THREADS[0] = placement.THREADS[0] or threading.get_native_id()
    assert in_child(lambda: not any(placement.THREADS))
    assert placement.THREADS[0]
