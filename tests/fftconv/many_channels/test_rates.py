"""What calibrating makes of the seconds of cases of many channels."""

from typing import Any

import pytest
import torch

from fftconv.calibration.constants import Dense
from fftconv.methods import timing
from fftconv.methods.overlap_save.many_channels import cost, rates

TRUE = Dense(product=4e-11, transform=2e-10, filter=2.5e-10)
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)


@DTYPES
def test_what_predicts_the_cases_is_found_again(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    def seconds(name: Any, geometry: Any, length: int, dtype: torch.dtype) -> float:
        item, threads = dtype.itemsize, torch.get_num_threads()
        return cost.seconds(name, geometry, length, item, TRUE, threads, False, hot=True)

    monkeypatch.setattr(rates, "_case_s", seconds)
    found = rates.measure(dtype)
    for field in Dense.__struct_fields__:
        assert getattr(found, field) == pytest.approx(getattr(TRUE, field), rel=0.02), field


@DTYPES
def test_calls_that_took_no_time_cost_something(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(rates, "_case_s", lambda *_: 1e-9)
    found = rates.measure(dtype)
    assert min(found.product, found.transform, found.filter) > 0


def test_real_cases_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "SAMPLE_S", 0.0)
    monkeypatch.setattr(timing, "SAMPLE_S", 0.0)
    assert rates.measure(torch.float32).product > 0
