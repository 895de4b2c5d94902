"""The grid of layers: what is measured runs, what is skipped says why."""

from dataclasses import replace

import pytest
import torch

import fftconv
from benchmarks import layer_cases, layers, overhead
from benchmarks.layer_cases import Layer, LayerCase


def test_every_method_of_the_package_is_in_the_grid() -> None:
    assert set(layer_cases.METHODS) == set(fftconv.methods())


@pytest.mark.parametrize("method", layer_cases.METHODS)
def test_a_small_layer_runs_in_both_directions(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(layer_cases.LAYERS, "small", Layer(2, 4, 6, 2, 9))
    case = LayerCase(method, "small", 3)
    forward = layers.measured_call(case, "forward")()
    assert isinstance(forward, torch.Tensor)
    assert forward.shape == (2, 6, 9, 9)
    assert not forward.requires_grad
    gradients = layers.measured_call(case, "backward")()
    assert isinstance(gradients, tuple)
    assert [tuple(g.shape) for g in gradients] == [(2, 4, 9, 9), (6, 2, 3, 3), (6,)]


def test_what_is_over_the_budget_is_skipped_with_a_sentence() -> None:
    case = LayerCase("direct", "64 to 64", 31)
    with pytest.raises(NotImplementedError, match=r"direct .* with 31x31 is skipped.*\.$"):
        layers.measured_call(case, "forward")
    assert replace(case, method="native", filter_size=3).skip_reason("forward") is None


def test_auto_is_forecast_by_the_faster_of_what_it_may_take() -> None:
    # oneDNN would take two seconds, products of spectra less than one.
    case = LayerCase("auto", "128 to 128, one of 128", 15)
    assert case.skip_reason("forward") is None
    assert replace(case, method="overlap_save").skip_reason("forward") is None
    assert replace(case, method="native").skip_reason("forward") is not None


def test_old_commits_skip_what_they_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    case = LayerCase("native", "1 to 16", 3)
    monkeypatch.setattr(fftconv, "methods", dict)
    with pytest.raises(NotImplementedError, match="no method native"):
        layers.measured_call(case, "forward")
    monkeypatch.delattr(fftconv, "Conv2d")
    with pytest.raises(NotImplementedError, match="no Conv2d"):
        layers.measured_call(case, "forward")


@pytest.mark.parametrize("method", overhead.METHODS)
@pytest.mark.parametrize("call", overhead.CALLS)
def test_overhead_is_seconds(call: str, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overhead, "_ROUNDS", 3)
    assert abs(overhead.overhead_s(call, method)) < 1.0
