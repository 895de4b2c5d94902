"""Sampling a call: what it takes, what it leaves out, and when it declines."""

import os
import time
from itertools import count
from pathlib import Path

import pytest
import torch

from benchmarks import quiet, sampler
from benchmarks.sampler import DisturbedError, Sampler, settled
from benchmarks.windows import PATIENCE_VARIABLE, WINDOW_S


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def calm(monkeypatch) -> None:
    """Make every probe the same, as on a machine of one's own, and nothing interrupt."""
    monkeypatch.setattr(quiet.Probe, "read_s", lambda _: 1e-5)
    steady = quiet.Counters(0.0, 0.0, 0.0, 0)

    def read() -> quiet.Counters:
        now = time.perf_counter()
        return quiet.Counters(now, now, now, steady.stolen)

    monkeypatch.setattr(sampler, "read", read)


def test_the_first_call_does_not_say_how_many_fill_a_window() -> None:
    calls = 0

    def call() -> None:
        nonlocal calls
        calls += 1
        time.sleep(0.2 if calls == 1 else 0.0002)  # the first one compiles

    assert settled(call, 3.0) > 3


def test_a_long_call_is_a_window_of_its_own() -> None:
    assert settled(lambda: time.sleep(3 * WINDOW_S), 3.0) == 1


@pytest.mark.usefixtures("calm")
def test_operands_are_made_anew_while_the_earlier_ones_are_alive() -> None:
    made: list[torch.Tensor] = []

    def make() -> object:
        made.append(torch.zeros(1000))
        return lambda: time.sleep(0.0005)

    found = Sampler(make).samples()
    assert len(made) == 3
    assert len({tensor.data_ptr() for tensor in made}) == 3
    assert list(found.seconds) == sorted(found.seconds)
    assert len(found.seconds) >= 3
    assert found.counted_s >= sum(found.seconds)


def test_a_cell_that_is_always_interrupted_declines_in_one_sentence(monkeypatch) -> None:
    monkeypatch.setenv(PATIENCE_VARIABLE, "0.1")
    monkeypatch.setattr(quiet.Probe, "read_s", lambda _: 1e-5)
    steal = count()

    def read() -> quiet.Counters:
        now = time.perf_counter()
        return quiet.Counters(now, now, now, next(steal))

    monkeypatch.setattr(sampler, "read", read)
    subject = Sampler(lambda: lambda: time.sleep(0.001))
    with pytest.raises(DisturbedError) as raised:
        subject.samples()
    said = str(raised.value)
    assert said.startswith("disturbed: 0 of ")
    assert "were interrupted" in said
    assert said.endswith(f"in 0.1 s ({PATIENCE_VARIABLE} waits longer)")
    assert "\n" not in said


def test_a_cell_of_no_pace_declines(monkeypatch) -> None:
    monkeypatch.setenv(PATIENCE_VARIABLE, "0.1")
    probes = iter([1e-5] * 2)  # afterwards each waits for a core
    monkeypatch.setattr(quiet.Probe, "read_s", lambda _: next(probes, 1e-4))
    with pytest.raises(DisturbedError, match="others met no pace that lasted"):
        Sampler(lambda: lambda: time.sleep(0.01)).samples()


def test_without_patience_every_sample_counts(monkeypatch) -> None:
    monkeypatch.setenv(PATIENCE_VARIABLE, "0")
    probes = iter([1e-5] * 2)
    monkeypatch.setattr(quiet.Probe, "read_s", lambda _: next(probes, 2e-5))
    assert len(Sampler(lambda: lambda: time.sleep(0.001)).samples().seconds) >= 3
    assert Sampler(lambda: lambda: time.sleep(0.001)).value_s() >= 0.001


@pytest.mark.usefixtures("calm")
def test_a_long_call_meets_every_pace_and_is_made_few_times(monkeypatch) -> None:
    monkeypatch.setenv(PATIENCE_VARIABLE, "0.1")
    probes = count()
    monkeypatch.setattr(quiet.Probe, "read_s", lambda _: 1e-5 * 1.1 ** (next(probes) % 9))
    calls = 0

    def call() -> None:
        nonlocal calls
        calls += 1
        time.sleep(0.06)

    assert len(Sampler(lambda: call).samples().seconds) == 3
    assert calls <= 12


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

    monkeypatch.setattr(sampler.torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr(sampler.time, "perf_counter", lambda: now["wall"])
    monkeypatch.setattr(sampler.time, "thread_time", lambda: now["own"])
    monkeypatch.setattr(sampler, "processor_s", lambda: now["all"])
    monkeypatch.setattr(sampler, "_times_waited", lambda: now["waits"])
    assert sampler.works_alone(call, 10) is alone


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
        assert sampler.works_alone(call, 20) is alone
    finally:
        torch.set_num_threads(before)


@pytest.mark.usefixtures("calm")
def test_a_value_is_one_of_the_calls() -> None:
    assert 0.001 <= Sampler(lambda: lambda: time.sleep(0.001)).value_s() < 0.1


def test_one_thread_may_end_on_every_core_that_it_began_with() -> None:
    before = os.sched_getaffinity(0)
    cores = sampler.Cores()
    for _ in range(3):
        cores.move()
        assert len(os.sched_getaffinity(0)) == 1
    cores.leave()
    assert os.sched_getaffinity(0) == before


def test_on_a_machine_that_stays_slow_a_cell_says_by_how_much(monkeypatch) -> None:
    """Its own patience is over after a tenth of a second, and others waited in vain before it."""
    for patience, waited in ("0.1", 0.0), ("3600", 60.0):
        monkeypatch.setenv(PATIENCE_VARIABLE, patience)
        monkeypatch.setattr(quiet.Probe, "read_s", lambda _: 1.4e-5)
        subject = Sampler(lambda: lambda: time.sleep(0.001))
        subject._pace.note(1e-5)  # beside an earlier cell; then a neighbour came for good
        subject._pace.waited(waited)
        assert subject.samples().slowdown == pytest.approx(1.4)


def test_what_nothing_happened_to_for_a_moment_is_not_the_machines_best(monkeypatch) -> None:
    """One reading in ten is fast by luck: cells are held against what cells read in the median."""
    readings = count()
    monkeypatch.setattr(
        quiet.Probe, "read_s", lambda _: 0.8e-5 if next(readings) % 10 == 0 else 1e-5
    )
    for _ in range(3):
        subject = Sampler(lambda: lambda: time.sleep(0.001))
        assert subject.samples().slowdown == 1.0
        assert subject._pace.best_s == 1e-5


def test_a_core_that_is_taken_often_and_shortly_is_slower(monkeypatch) -> None:
    """No single run of a probe sees it where most of them meet nothing."""
    monkeypatch.setattr(quiet.torch, "sigmoid", lambda *_, **__: None)
    probe = quiet.Probe(one_thread=True)
    for taken, mean in ((4, 13e-6), (0, 10e-6)):
        lengths = iter([3e-5] * 2 + [2e-5] * taken + [1e-5] * (14 - taken))
        ticks = iter([tick for length in lengths for tick in (0.0, length)])
        probe._clock = ticks.__next__
        assert probe.read_s() == pytest.approx(mean, rel=0.02)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core: nobody could help")
def test_the_probe_of_one_thread_is_one_threads_however_many_there_are() -> None:
    """MKL shares out exp and its like from 2,048 numbers on, and torch nothing so small."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        probe = quiet.Probe(one_thread=True)
        time.sleep(0.3)  # OpenMP's threads spin for a while after work
        process_s, thread_s = time.process_time(), time.thread_time()
        for _ in range(200):
            probe.read_s()
        thread_s = time.thread_time() - thread_s
        assert time.process_time() - process_s <= 1.3 * thread_s
        both = quiet.Probe(one_thread=False)
        process_s, thread_s = time.process_time(), time.thread_time()
        for _ in range(200):
            both.read_s()
        thread_s = time.thread_time() - thread_s
        assert time.process_time() - process_s > 1.3 * thread_s
    finally:
        torch.set_num_threads(before)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core: threads take turns")
def test_the_processor_time_of_other_threads_is_known_to_less_than_a_tick() -> None:
    """The kernel's ticks are 1 to 10 ms apart; a window is as long as that."""
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
