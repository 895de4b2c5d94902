"""What a plan is made of is counted, not listed: it does not grow with stride and dilation."""

from collections import Counter
from itertools import product

import pytest

import fftconv
from fftconv.geometry import Geometry
from fftconv.methods import polyphase


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("dilation", [1, 2, 3, 6])
def test_parts_are_counted_as_they_are_listed(stride: int, dilation: int) -> None:
    for size, taps in product((13, 20, 31), (1, 2, 3)):
        geometry = Geometry.of(
            (1, 1, size, size + 3), (1, 1, taps, 2), (stride, 2), 1, (dilation, 1)
        )
        listed = Counter(part.geometry for part in polyphase.parts(geometry))
        assert polyphase.count_parts(geometry) == listed


@pytest.mark.parametrize("stride", [16, 224, 4096])
def test_no_part_of_a_patch_embedding_is_listed_for_its_plan(
    stride: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polyphase, "parts", None)
    monkeypatch.setattr(polyphase, "_lines", None)
    size = 3 * stride + 1  # of no other test
    plan = fftconv.plan((1, 3, size, size), (8, 3, stride, stride), stride, needs_grad=True)
    assert set(plan.chosen) == {"forward", "grad_input", "grad_weight"}


@pytest.mark.parametrize("dilation", [64, 1000])
def test_nor_of_a_wide_dilation(dilation: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polyphase, "parts", None)
    monkeypatch.setattr(polyphase, "_lines", None)
    size = 5 * dilation + 1
    shapes = (1, 1, size, size), (1, 1, 5, 5)
    assert fftconv.plan(*shapes, padding=2 * dilation, dilation=dilation).method
