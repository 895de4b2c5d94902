"""How a machine's figures are timed, where the machine is not always as fast."""

import time

import pytest

from fftconv.methods import timing


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
