"""Sampling calls in turns: what it takes, what it leaves out, and when it declines."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count, pairwise
from pathlib import Path

import pytest
import torch

import fftconv
from benchmarks import quiet, sampler, settling
from benchmarks.sampler import Cell, DisturbedError, sample
from benchmarks.settling import FILL_S, settled
from benchmarks.turns import PATIENCE_VARIABLE


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(autouse=True)
def short(monkeypatch) -> None:
    """Have turns of a millisecond, which threads that spin may fill, and no rest between rounds."""
    monkeypatch.setattr(sampler, "TURN_S", 0.001)
    monkeypatch.setattr(sampler, "_ROUND_S", 0.0)
    monkeypatch.setattr(sampler, "waited_s", lambda: 0.0)


def test_the_first_call_does_not_say_how_many_fill_the_least_time() -> None:
    calls = 0

    def call() -> None:
        nonlocal calls
        calls += 1
        time.sleep(0.2 if calls == 1 else 0.0002)  # the first one compiles

    number, once_s = settled(call, 3.0)
    assert number > 3
    assert once_s < 0.1


def test_a_long_call_fills_it_alone() -> None:
    assert settled(lambda: time.sleep(3 * FILL_S), 3.0)[0] == 1


def test_a_cell_has_operands_in_several_places_for_its_calls_in_turns(monkeypatch) -> None:
    made: list[torch.Tensor] = []
    used: list[int] = []

    def make() -> object:
        tensor = torch.zeros(1000)
        made.append(tensor)

        def call() -> None:
            used.append(tensor.data_ptr())
            time.sleep(0.0001)

        return call

    monkeypatch.setattr(sampler, "TURN_S", 0.02)
    cell = Cell(make)
    places = {tensor.data_ptr() for tensor in made}
    assert len(places) == 3
    used.clear()
    cell.turn()
    assert len(used) >= 6
    assert set(used) == places
    assert used[3:6] == used[:3]
    assert len(set(used[:3])) == 3


def test_short_calls_are_timed_several_at_once() -> None:
    cell = Cell(lambda: lambda: None)
    assert len(cell._batches[0]) > 10
    cell.turn()
    assert 0 < cell._turns[0] < 1e-5


def test_cells_take_turns_and_the_fastest_sample_comes_first() -> None:
    order: list[str] = []

    def made(name: str) -> Cell:
        def call() -> None:
            order.append(name)
            time.sleep(0.001)

        return Cell(lambda: call)

    cells = [made("a"), made("b")]
    order.clear()
    sample(cells)
    changes = sum(before != after for before, after in pairwise(order))
    assert changes > 10, "in one go there is one change"
    for cell in cells:
        found = cell.samples()
        assert list(found.seconds) == sorted(found.seconds)
        assert len(found.seconds) >= 12
        assert found.slowdown >= 1.0


def sampled(monkeypatch, patience: str) -> Cell:
    """Return a cell that was sampled with so much patience."""
    monkeypatch.setenv(PATIENCE_VARIABLE, patience)
    subject = Cell(lambda: lambda: time.sleep(0.0005))
    sample([subject])
    return subject


@pytest.fixture
def apart(monkeypatch) -> None:
    """Have each turn take a fifth longer than the one before."""
    numbers = count()
    monkeypatch.setattr(sampler.turns, "quick_s", lambda _: 1e-3 * 1.2 ** next(numbers))


@pytest.mark.usefixtures("apart")
def test_a_cell_whose_samples_stay_apart_declines_in_one_sentence(monkeypatch) -> None:
    subject = sampled(monkeypatch, "0.1")
    with pytest.raises(DisturbedError) as raised:
        subject.samples()
    said = str(raised.value)
    assert said.startswith("disturbed: ")
    assert "% of doubt after 0.1 s" in said
    assert said.endswith(f"({PATIENCE_VARIABLE} waits longer)")
    assert "\n" not in said


def with_cores(monkeypatch, had: Callable[[int], bool]) -> Cell:
    """Return a cell of two threads, one of which waits for a core in turns that are not `had`."""
    monkeypatch.setattr(sampler, "works_alone", lambda *_: False)
    subject = Cell(lambda: lambda: time.sleep(0.001), threads=2)
    waits = count()

    def waited_s() -> float:
        return 0.0 if had(subject._taken) else 1e-3 * next(waits)

    monkeypatch.setattr(sampler, "waited_s", waited_s)
    return subject


@pytest.mark.parametrize(("lacking", "number"), [(0, 24), (12, 12)])
def test_turns_in_which_a_thread_waited_for_a_core_do_not_count(
    monkeypatch, lacking, number
) -> None:
    subject = with_cores(monkeypatch, lambda turn: turn >= lacking)
    for _ in range(subject.wanted):
        subject.turn()
    assert len(subject._turns) == number
    assert len(subject.samples().seconds) == number / 2


def test_a_cell_whose_threads_waited_in_most_turns_declines(monkeypatch) -> None:
    subject = with_cores(monkeypatch, lambda turn: turn % 24 < 3)
    sample([subject])
    with pytest.raises(DisturbedError, match="in 42 of 48 samples threads waited for a core"):
        subject.samples()


def test_a_turn_has_the_calls_in_which_threads_had_their_cores(monkeypatch) -> None:
    """Of the calls every second one waits for a core, and takes twice as long for it."""
    monkeypatch.setattr(sampler, "TURN_S", 0.02)
    monkeypatch.setattr(sampler, "works_alone", lambda *_: False)
    calls, waits = count(), 0.0

    def call() -> None:
        nonlocal waits
        is_late = next(calls) % 2
        waits += 0.003 * is_late
        time.sleep(0.003 + 0.003 * is_late)

    monkeypatch.setattr(sampler, "waited_s", lambda: waits)
    subject = Cell(lambda: call, threads=2)
    subject.turn()
    assert subject._turns[0] < 0.006


def test_what_one_thread_waits_for_is_no_part_of_its_time(monkeypatch) -> None:
    subject = with_cores(monkeypatch, lambda _: False)
    subject._alone = True
    subject.turn()
    assert len(subject._turns) == 1


def test_calls_of_a_cell_ask_for_all_threads() -> None:
    before_s = fftconv.set_longest_rest(0.1)
    try:
        Cell(lambda: lambda: None)
        assert fftconv.set_longest_rest(0.1) == 0
    finally:
        fftconv.set_longest_rest(before_s)


@pytest.mark.usefixtures("apart")
def test_without_patience_what_comes_counts_waits_too(monkeypatch) -> None:
    monkeypatch.setenv(PATIENCE_VARIABLE, "0")
    subject = with_cores(monkeypatch, lambda _: False)
    sample([subject])
    assert len(subject.samples().seconds) == 12


@pytest.mark.usefixtures("apart")
def test_without_patience_what_comes_counts(monkeypatch) -> None:
    assert len(sampled(monkeypatch, "0").samples().seconds) == 12


@pytest.mark.parametrize(("patience", "number"), [("100", 48), ("0.001", 3), ("0", 24)])
def test_samples_that_do_not_agree_get_more_turns_for_as_long_as_patience_lasts(
    monkeypatch, patience, number
) -> None:
    monkeypatch.setattr(sampler.turns, "agree", lambda _: False)
    monkeypatch.setattr(sampler.turns, "disagree", lambda _: False)
    subject = sampled(monkeypatch, patience)
    assert len(subject._turns) == number
    assert subject.samples()


def test_a_long_call_is_made_few_times(monkeypatch) -> None:
    monkeypatch.setattr(sampler, "_TURNS_S", 0.1)
    calls = 0

    def call() -> None:
        nonlocal calls
        calls += 1
        time.sleep(0.06)

    subject = Cell(lambda: call)
    sample([subject])
    assert len(subject.samples().seconds) == 3
    assert calls <= 20


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
    monkeypatch.setattr(settling, "_times_waited", lambda: now["waits"])
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


def test_a_value_is_one_of_the_calls() -> None:
    assert 0.001 <= Cell(lambda: lambda: time.sleep(0.001)).value_s() < 0.1


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
    assert cells[0].samples().slowdown == 1.0
    assert 1.5 < cells[1].samples().slowdown < 6


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
