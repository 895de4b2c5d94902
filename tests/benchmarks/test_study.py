"""Calls side by side: how often each is made, and which of its samples counts."""

import pytest

from benchmarks import study


def test_what_takes_endlessly_is_called_once_and_others_in_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, made = [0.0], {"endless": 0, "long": 0, "short": 0}

    def taking(name: str, seconds: list[float]) -> study.Call:
        def call() -> None:
            now[0] += seconds[min(made[name], len(seconds) - 1)]
            made[name] += 1

        return call

    monkeypatch.setattr(study.time, "perf_counter", lambda: now[0])
    calls = {
        "endless": taking("endless", [40.0]),
        "long": taking("long", [3.0, 2.0, 1.0, 5.0]),
        "short": taking("short", [1.0, 0.2]),
    }
    found = study.side_by_side(calls, rounds=5, long_rounds=2)
    assert found == pytest.approx({"endless": 40.0, "long": 1.0, "short": 0.2})
    assert made == {"endless": 1, "long": 3, "short": 6}
