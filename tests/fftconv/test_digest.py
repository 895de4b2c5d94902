import pytest
import torch

from fftconv.machine_code.digest import PIECE_BYTES, digest
from fftconv.methods.overlap_save.weight_spectra import DIGESTED_BYTES, WeightSpectra


@pytest.mark.parametrize("numbers", [1, 31, 33, PIECE_BYTES // 4, PIECE_BYTES + 77])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_memory_has_equal_digests_and_no_other_has(numbers, dtype) -> None:
    memory = torch.randn(numbers, dtype=dtype)
    before = digest(memory)
    assert digest(memory.clone()) == before
    for place in {0, numbers // 2, numbers - 1}:
        other = memory.clone()
        other.view(torch.uint8)[place * dtype.itemsize] ^= 1
        assert digest(other) != before


def test_changes_that_cancel_in_a_sum_are_seen() -> None:
    memory = torch.randn(40_000)
    before = digest(memory)
    order = torch.arange(40_000)
    order[[3, 30_000]] = order[[30_000, 3]]
    assert len({before, digest(-memory), digest(memory[order]), digest(memory.flip(0))}) == 4


def test_it_does_not_depend_on_the_number_of_threads() -> None:
    memory, threads = torch.randn(200_000), torch.get_num_threads()
    found = set()
    try:
        for number in (1, 2, 3):
            torch.set_num_threads(number)
            found.add(digest(memory))
    finally:
        torch.set_num_threads(threads)
    assert len(found) == 1


def test_spectra_follow_a_large_weight_however_it_changes() -> None:
    weights, made = WeightSpectra(), []
    w = torch.randn(DIGESTED_BYTES // 4 + 5)

    def spectrum() -> torch.Tensor:
        return weights.get(w, "twice", lambda w: made.append(len(made)) or 2 * w)

    assert torch.equal(spectrum(), 2 * w)
    spectrum()
    assert len(made) == 1
    w.data[-1] = 7.0  # a version counter does not see that
    assert torch.equal(spectrum(), 2 * w)
    w.numpy()[0] = 3.0
    assert torch.equal(spectrum(), 2 * w)
    assert len(made) == 3
