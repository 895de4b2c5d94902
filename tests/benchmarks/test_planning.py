import pytest

from benchmarks import operands, planning, study


def test_regret_is_a_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {"auto": 3.0, "native": 5.0, "compiled": 2.0, "overlap_save": 4.0}
    monkeypatch.setattr(study, "side_by_side", lambda calls: {m: seconds[m] for m in calls})
    benchmark = planning.Regret()
    benchmark.setup("training", 64, 3)
    assert benchmark.track_regret() == 1.5


def test_regret_of_an_old_commit_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(operands.fftconv, "plan")
    with pytest.raises(NotImplementedError, match="has no plan"):
        planning.Regret().setup("forward", 64, 3)
    monkeypatch.setattr(operands, "missing_method", lambda method: f"no method {method!r} yet")
    with pytest.raises(NotImplementedError, match="no method 'compiled' yet"):
        planning.FirstCall().setup("forward", "compiled", "compiles")


@pytest.mark.slow
@pytest.mark.parametrize("method", ["compiled", "overlap_save", "overlap_save, 64 channels"])
def test_first_calls_are_measured(method: str) -> None:
    seconds = {}
    for cache in ("compiles", "reads"):
        benchmark = planning.FirstCall()
        benchmark.setup("forward", method, cache)
        seconds[cache] = benchmark.track_first_call("forward", method, cache)
        benchmark.teardown()
    assert seconds["reads"] > 0
    assert seconds["compiles"] > 0
