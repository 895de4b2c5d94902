"""Sampling a call: what it takes, what it leaves out, and when it declines."""

import os
import time
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
    steady = quiet.Counters(0.0, 0.0, 0.0, 0, 0)

    def read() -> quiet.Counters:
        now = time.perf_counter()
        return quiet.Counters(now, now, now, steady.switches, steady.stolen)

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


def test_a_cell_without_quiet_moments_declines_in_one_sentence(monkeypatch) -> None:
    monkeypatch.setenv(PATIENCE_VARIABLE, "0.1")
    probes = iter([1e-5] * 2)  # quiet at first, and never again
    monkeypatch.setattr(quiet.Probe, "read_s", lambda _: next(probes, 2e-5))
    subject = Sampler(lambda: lambda: time.sleep(0.001))
    with pytest.raises(DisturbedError) as raised:
        subject.samples()
    said = str(raised.value)
    assert said.startswith("disturbed: ")
    assert "100% or more below its best" in said
    assert said.endswith(f"in 0.1 s ({PATIENCE_VARIABLE} waits longer)")
    assert "\n" not in said


def test_without_patience_every_sample_counts(monkeypatch) -> None:
    monkeypatch.setenv(PATIENCE_VARIABLE, "0")
    probes = iter([1e-5] * 2)
    monkeypatch.setattr(quiet.Probe, "read_s", lambda _: next(probes, 2e-5))
    assert len(Sampler(lambda: lambda: time.sleep(0.001)).samples().seconds) >= 3
    assert Sampler(lambda: lambda: time.sleep(0.001)).value_s() >= 0.001


@pytest.mark.parametrize(
    ("threads", "wall_s", "cpu_s", "alone"),
    [
        (2, 0.005, 0.005, True),  # one thread works
        (2, 0.005, 0.0, False),  # it waits for something
        (2, 0.005, 0.0095, False),  # both work
        (1, 0.005, 0.0, True),
    ],
)
def test_a_call_that_waits_is_timed_by_the_wall_and_one_that_works_by_its_processor(
    threads, wall_s, cpu_s, alone, monkeypatch
) -> None:
    now = {"wall": 0.0, "cpu": 0.0}

    def call() -> None:
        now["wall"] += wall_s
        now["cpu"] += cpu_s

    monkeypatch.setattr(sampler.torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr(sampler.time, "perf_counter", lambda: now["wall"])
    monkeypatch.setattr(sampler.time, "process_time", lambda: now["cpu"])
    assert sampler.works_alone(call, 10) is alone


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
    """After some minutes in vain less is expected: waiting on would measure nothing at all."""
    probes = iter([1e-5] * 3)  # at its best for a moment, then a neighbour comes for good
    monkeypatch.setattr(quiet.Probe, "read_s", lambda _: next(probes, 1.4e-5))
    subject = Sampler(lambda: lambda: time.sleep(0.001))
    subject._pace.waited(120.0)  # by cells before this one, which all declined
    assert subject.samples().slowdown == pytest.approx(1.4)
