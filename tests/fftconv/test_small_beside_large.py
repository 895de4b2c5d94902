"""Small values beside large ones: an FFT loses them, the way out that is documented does not."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import fftconv

#: An image for which FFTs are planned.
SIZE, TAPS = 256, 31


def operands() -> tuple[Tensor, Tensor]:
    """Return nonnegative operands: noise, zeros in a corner, and one spike far from both."""
    x = torch.rand(1, 1, SIZE, SIZE)
    x[..., :60, :60] = 0
    x[..., 100, 100] = 1e8
    return x, torch.rand(1, 1, TAPS, TAPS)


def weakest_errors(y: Tensor, x: Tensor, w: Tensor) -> float:
    """Return the largest error of an output that has not seen the spike, relative to itself."""
    exact = F.conv2d(x.double(), w.double())
    weak = (exact < 1e4) & (exact > 0)
    assert weak.any()
    return float(((y.double() - exact).abs() / exact)[weak].max())


@pytest.mark.parametrize("method", ["compiled", "native", "direct"])
def test_a_direct_sum_keeps_what_is_small(method: str) -> None:
    x, w = operands()
    y = fftconv.conv2d(x, w, method=method)
    assert weakest_errors(y, x, w) < 1e-4
    assert not y[..., :30, :30].any()
    assert (y >= 0).all()


def test_an_fft_loses_it_and_the_plan_says_so() -> None:
    x, w = operands()
    assert weakest_errors(fftconv.conv2d(x, w, method="overlap_save"), x, w) > 1e-4
    plan = fftconv.plan(x.shape, w.shape)
    assert plan.method == "overlap_save"
    assert "relative to the largest value of a tile" in str(plan)
    assert "method='compiled'" in str(plan)
    assert "largest value" not in str(fftconv.plan((1, 1, 512, 512), (1, 1, 3, 3)))
