"""What is known of threads and of the machine while calls are timed."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from benchmarks import quiet, sampler, settling
from benchmarks.sampler import Cell, sample

pytestmark = pytest.mark.usefixtures("cache", "short")


@pytest.mark.parametrize(
    ("threads", "wall_s", "own_s", "helped_s", "waits", "alone"),
    [
        (2, 0.005, 0.005, 0.0, 0, True),  # one thread works
        (2, 0.02, 0.005, 0.0, 0, True),  # and something else takes its core meanwhile
        (2, 0.005, 0.0, 0.0, 1, False),  # it waits for something
        (2, 0.005, 0.005, 0.0045, 0, False),  # both work
        (2, 0.02, 0.005, 0.0045, 0, False),
        (1, 0.005, 0.0, 0.0, 1, True),
    ],
)
def test_a_call_that_waits_is_timed_by_the_wall_and_one_that_works_by_its_processor(
    threads, wall_s, own_s, helped_s, waits, alone, monkeypatch
) -> None:
    now = {"wall": 0.0, "own": 0.0, "all": 0.0, "waits": 0}

    def call() -> None:
        now["wall"] += wall_s
        now["own"] += own_s
        now["all"] += own_s + helped_s
        now["waits"] += waits

    monkeypatch.setattr(settling.torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr(settling.time, "perf_counter", lambda: now["wall"])
    monkeypatch.setattr(settling.time, "thread_time", lambda: now["own"])
    monkeypatch.setattr(settling, "processor_s", lambda: now["all"])
    monkeypatch.setattr(settling, "_waits", lambda: now["waits"])
    assert settling.works_alone(call, 10) is alone


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core: nobody could help")
@pytest.mark.parametrize(
    ("call", "alone"),
    [
        (lambda: sum(range(20_000)), True),
        (lambda: time.sleep(0.0005), False),
        (lambda: torch.mm(*[torch.ones(400, 400)] * 2), False),
    ],
)
def test_what_threads_do_is_seen(call, alone) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        call()
        assert settling.works_alone(call, 20) is alone
    finally:
        torch.set_num_threads(before)


def test_on_a_machine_that_is_slow_a_cell_says_by_how_much(monkeypatch) -> None:
    """Known work is the measure: what the cell itself took says nothing of the machine."""
    known_s = 1e-3

    def known_work(_: int) -> object:
        return lambda: time.sleep(known_s)

    monkeypatch.setattr(sampler, "known_work", known_work)
    cells = [Cell(lambda: lambda: time.sleep(0.001)) for _ in range(2)]
    sample(cells[:1])
    known_s = 3e-3  # a neighbour has come
    sample(cells[1:])
    assert cells[0].slowdown == 1.0
    assert 1.5 < cells[1].slowdown < 6


@pytest.mark.parametrize(
    ("call_s", "size"), [(1e-6, 0), (5e-5, 0), (1e-4, 1), (5e-4, 1), (1e-3, 2), (10.0, 2)]
)
def test_a_call_is_held_against_known_work_that_takes_about_as_long(call_s, size) -> None:
    assert quiet.size_like(call_s) == size


def test_known_work_has_as_much_to_do_as_its_size_says() -> None:
    outputs = [quiet.known_work(size)().numel() for size in range(3)]
    assert outputs == sorted(set(outputs))
    assert torch.is_tensor(quiet.known_work(0)())


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core: threads take turns")
def test_the_processor_time_of_other_threads_is_known_to_less_than_a_tick() -> None:
    """The kernel's ticks are 1 to 10 ms apart; what is looked at here is as long as that."""
    import threading

    asked, told = threading.Event(), threading.Event()

    def work() -> None:
        told.set()
        x = torch.rand(300, 300)  # torch lets the interpreter go on meanwhile
        while not asked.is_set():
            torch.mm(x, x)

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    thread = threading.Thread(target=work)
    thread.start()
    try:
        told.wait()
        steps = []
        for _ in range(40):
            start, cpu_s = time.perf_counter(), quiet.processor_s()
            while time.perf_counter() < start + 0.0005:
                pass
            steps.append((quiet.processor_s() - cpu_s) / (time.perf_counter() - start))
        # By the process's own clock most are 1, and some 5 or 9.
        assert max(steps) < 2.5
    finally:
        asked.set()
        thread.join()
        torch.set_num_threads(before)


def test_what_threads_wait_for_a_core_is_known(tmp_path) -> None:
    """Two processes that work on one core, each for about half of the time."""
    if not Path("/proc/self/schedstat").exists():
        pytest.skip("this kernel does not count for how long threads wait")
    core = str(min(os.sched_getaffinity(0)))
    program = f"""
import os, signal, time
from benchmarks.quiet import waited_s
os.sched_setaffinity(0, {{{core}}})
other, given_up = os.fork(), time.monotonic() + 60
while other == 0:
    if time.monotonic() > given_up:
        os._exit(0)
try:
    before_s, end = waited_s(), time.monotonic() + 0.5
    while time.monotonic() < end:
        pass
    print(waited_s() - before_s)
finally:
    os.kill(other, signal.SIGKILL)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) > 0.05
