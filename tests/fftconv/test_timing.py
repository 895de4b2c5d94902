"""How a machine's figures are timed, where the machine is not always as fast."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fftconv.methods import timing
from fftconv.methods.new_memory import KEPT_BYTES


@pytest.fixture(autouse=True)
def fresh() -> None:
    timing._usual_s.cache_clear()


def test_a_figure_of_a_slow_spell_is_brought_to_the_usual_pace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The call takes twice as long where the machine is half as fast: it is the same figure."""
    pace, clock = [1.0], [0.0]

    def call() -> None:
        clock[0] += 3.0 * pace[0]

    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(timing, "_pace_s", lambda: 1e-5 * pace[0])
    assert timing.best_s(call) == pytest.approx(3.0)
    pace[0] = 2.0
    assert timing.best_s(call) == pytest.approx(3.0)


def test_the_pace_is_what_work_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(float(n * n) for n in range(2 * timing.RUNS))
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    # The n-th run takes 4 n + 1; half of them take more than that of the middle.
    assert timing._pace_s() == 4 * (timing.RUNS // 2) + 1


def test_a_real_call_takes_time() -> None:
    assert timing.best_s(lambda: time.sleep(0.001), 0.0) > 0


COUNTS = [(3.0, 1.0), (1.0, 4.0), (2.0, 2.0), (5.0, 1.0), (1.0, 1.0), (2.0, 5.0)]
RATES, USUAL = (2e-9, 3e-10), (1e-9, 5e-10)


def _taken(counts: list[tuple[float, float]]) -> list[float]:
    return [a * RATES[0] + b * RATES[1] for a, b in counts]


def test_rates_that_make_the_cases_seconds_are_found() -> None:
    assert timing.fitted(COUNTS, _taken(COUNTS), USUAL) == pytest.approx(RATES, rel=0.05)


@pytest.mark.parametrize("slow", range(len(COUNTS)))
def test_one_case_that_a_busy_spell_made_slow_changes_little(slow: int) -> None:
    counts = 2 * COUNTS
    seconds = _taken(counts)
    seconds[slow] *= 3
    assert timing.fitted(counts, seconds, USUAL) == pytest.approx(RATES, rel=0.25)


def test_of_what_hardly_any_time_was_spent_on_the_usual_is_believed() -> None:
    counts = [(a, 1e-4 * b) for a, b in COUNTS]
    seconds = [a * RATES[0] * (1.05 if n % 2 else 0.95) for n, (a, _) in enumerate(counts)]
    assert timing.fitted(counts, seconds, USUAL)[1] == pytest.approx(USUAL[1], rel=0.2)


_NEW_MEMORY = """
import resource
import torch
from fftconv.auto.measure import _new_memory

kept = [torch.ones(30 << 20, dtype=torch.uint8) for _ in range(4)]
del kept
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
found = _new_memory()
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults * resource.getpagesize(), found.large, found.small)
"""


def test_new_memory_is_new_in_each_call() -> None:
    """However much the process has kept of what it freed: faults tell.

    In a process of its own: the one of the tests may have been told to keep all of it.
    """
    pytest.importorskip("resource", reason="faults are counted by POSIX")
    pages = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if pages.exists() and "[always]" in pages.read_text():
        pytest.skip("all new memory comes in large pages here, of which there are few faults")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_"))}
    command = [sys.executable, "-c", _NEW_MEMORY]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    faulted, large, small = map(float, done.stdout.split())
    assert faulted >= 5 * 8 * KEPT_BYTES
    assert large > 0
    assert small > 0
