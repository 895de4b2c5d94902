"""Spectra of weights, which are kept while each bit of the weight stays."""

import pytest
import torch
from torch import Tensor

from fftconv import conv2d
from fftconv.methods.overlap_save.weight_spectra import KEPT_BYTES, WeightSpectra


def test_kept_spectra_are_bounded() -> None:
    spectra, fft = WeightSpectra(), (1024, 1024)

    def transform(w: Tensor) -> Tensor:
        return w.new_empty((len(w), *fft))

    weights = [torch.randn(2, 1, 3, 3) for _ in range(12)]  # 8 MiB each
    for w in weights:
        spectra.get(w, fft, transform)
        assert 0 < spectra._bytes <= KEPT_BYTES
    assert spectra.get(weights[-1], fft, transform) is spectra.get(weights[-1], fft, transform)
    large = torch.randn(20, 1, 3, 3)
    assert spectra.get(large, fft, transform) is not spectra.get(large, fft, transform)


def test_where_layers_come_in_turns_and_there_is_no_room_for_all_most_find_their_spectra() -> None:
    made: list[int] = []

    def transform(w: Tensor) -> Tensor:
        made.append(w.data_ptr())
        return w.new_empty(1 << 18)

    spectra = WeightSpectra(kept_bytes=5 << 20)
    weights = [torch.randn(3, 3) for _ in range(6)]  # a MiB each: there is room for four
    for _ in range(5):
        for w in weights:
            spectra.get(w, "kind", transform)
    assert len(made) <= 6 + 4 * 3
    made.clear()
    others = [torch.randn(3, 3) for _ in range(4)]  # another model, and the first has gone
    for _ in range(3):
        for w in others:
            spectra.get(w, "kind", transform)
    assert len(made) == 4


@pytest.mark.parametrize("columns_first", [False, True])
def test_spectra_are_kept_while_each_bit_of_the_weight_stays(columns_first: bool) -> None:
    spectra, made = WeightSpectra(), []
    w = torch.randn(4, 6)
    w = w.t() if columns_first else w
    w[1, 2] = float("nan")  # equal to nothing, but the same

    def get() -> Tensor:
        return spectra.get(w, "kind", lambda w: made.append(1) or w.clone())

    if not columns_first:  # no run of memory to be compared as such
        assert get() is get()
        assert len(made) == 1
    w[1, 2] = 0.0
    kept = get()
    assert get() is kept
    w.data[3, 3] += 1e-6
    assert get() is not kept
    w.data[-1, -1].neg_()
    torch.testing.assert_close(get(), w, rtol=0, atol=0)


def test_one_that_is_too_large_takes_nobodys_place() -> None:
    spectra = WeightSpectra(kept_bytes=5 << 20)
    small, large = torch.randn(3, 3), torch.randn(3, 3)
    kept = spectra.get(small, "kind", lambda w: w.new_empty(1 << 18))
    spectra.get(large, "kind", lambda w: w.new_empty(1 << 21))
    assert spectra.get(small, "kind", lambda w: w.new_empty(1 << 18)) is kept


@pytest.mark.parametrize(
    ("shape", "weight"), [((1, 1, 80, 80), (1, 1, 31, 31)), ((1, 16, 20, 20), (16, 16, 7, 7))]
)
def test_a_weight_that_is_the_negative_of_the_last_one_in_the_same_memory(shape, weight) -> None:
    x, w = torch.randn(shape), torch.randn(weight)
    for first, second in ((w, torch._neg_view(w)), (torch._neg_view(w), w)):
        y = conv2d(x, first, method="overlap_save")
        torch.testing.assert_close(conv2d(x, second, method="overlap_save"), -y)
