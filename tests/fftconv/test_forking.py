"""A forked child goes on by itself: without its parent's threads, and past its parent's locks."""

import os
import subprocess
import sys
from threading import Event, Thread

import pytest

from fftconv import _case
from fftconv._forking import ForkedLock
from fftconv.methods.overlap_save.weight_spectra import WeightSpectra

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")

SCRIPT = """
import os, signal, sys, torch, fftconv
from fftconv.machine_code import pool

pool._openmp = lambda: None  # torch of another build has no OpenMP to run in
torch.set_num_threads(3)
x, w = torch.randn(1, 1, 400, 400), torch.randn(1, 1, 7, 7)

def results():
    # Compared by numpy: torch would do so in its own threads, which are not there either.
    return [fftconv.conv2d(x, w, method=m).numpy().tobytes() for m in ("compiled", "overlap_save")]

expected = results()

def child(depth):
    pid = os.fork()
    if pid == 0:
        signal.alarm(60)
        if results() != expected:
            os._exit(3)
        if depth:
            child(depth - 1)
        os._exit(0)
    if os.waitpid(pid, 0)[1] != 0:
        os._exit(4)

child(2)
child(0)
assert results() == expected
"""


def test_threads_of_a_pool_of_python_are_started_anew() -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", SCRIPT], check=True)


def succeeds_in_a_child(action: object) -> bool:
    pid = os.fork()
    if pid == 0:
        try:
            assert callable(action)
            action()
            os._exit(0)
        finally:
            os._exit(1)
    for _ in range(200):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status == 0
        Event().wait(0.05)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return False


@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("lock", [ForkedLock(), _case._lock, WeightSpectra()._lock])
def test_a_lock_that_another_thread_holds_is_open_in_a_child(lock: ForkedLock) -> None:
    held, done = Event(), Event()

    def hold() -> None:
        with lock.now:
            held.set()
            done.wait()

    def take() -> None:
        with lock.now:
            pass

    thread = Thread(target=hold)
    thread.start()
    held.wait()
    try:
        assert succeeds_in_a_child(take)
    finally:
        done.set()
        thread.join()
    take()
