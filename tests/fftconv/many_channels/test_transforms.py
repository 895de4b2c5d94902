import numpy as np
import pytest

from fftconv.machine_code import winograd
from fftconv.machine_code.arithmetic import Arithmetic, Number
from fftconv.machine_code.transforms import fft, irfft, rfft
from fftconv.methods.overlap_save.many_channels.lengths import LENGTHS


class Counting(Arithmetic):
    """Arithmetic on Python's floats, which counts."""

    def __init__(self) -> None:
        self.count = 0

    def plus(self, x: Number, y: Number) -> Number:
        self.count += 1
        return x + y

    def minus(self, x: Number, y: Number) -> Number:
        self.count += 1
        return x - y

    def negative(self, x: Number) -> Number:
        return -x

    def times(self, x: Number, factor: float) -> Number:
        self.count += 1
        return x * factor

    def times_plus(self, x: Number, factor: float, y: Number) -> Number:
        self.count += 1
        return x * factor + y


def complex_of(pairs: list[tuple[Number, Number]]) -> list[complex]:
    return [complex(re or 0.0, im or 0.0) for re, im in pairs]


@pytest.mark.parametrize("length", [*LENGTHS, 3, 5, 9, 15, 25, 60])
def test_complex_transform(length: int) -> None:
    numbers = np.random.default_rng(0).standard_normal((length, 2))
    out = fft(Counting(), [(re, im) for re, im in numbers.tolist()])
    assert np.allclose(complex_of(out), np.fft.fft(numbers @ [1, 1j]), atol=1e-12)


@pytest.mark.parametrize("length", [*LENGTHS, 3, 5, 9, 15, 25, 60])
@pytest.mark.parametrize("there", [1, 3, 8])
def test_real_transform_of_numbers_and_zeros(length: int, there: int) -> None:
    numbers = np.random.default_rng(0).standard_normal(min(there, length)).tolist()
    out = rfft(Counting(), numbers + [None] * (length - len(numbers)))
    assert np.allclose(complex_of(out), np.fft.rfft(numbers, length), atol=1e-12)


@pytest.mark.parametrize("length", [*LENGTHS, 3, 5, 9, 15, 25, 60])
def test_real_transform_and_back(length: int) -> None:
    numbers = np.random.default_rng(0).standard_normal(length)
    out = irfft(Counting(), rfft(Counting(), numbers.tolist()), length)
    assert np.allclose(out, length * numbers, atol=1e-12)


def test_zeros_cost_nothing() -> None:
    whole, part, nothing = Counting(), Counting(), Counting()
    fft(whole, [(1.0, 1.0)] * 16)
    fft(part, [(1.0, 1.0)] * 3 + [(None, None)] * 13)
    fft(nothing, [(None, None)] * 16)
    assert whole.count == 160  # 168 by split radix, less what sums and products share
    assert part.count < whole.count / 2
    assert nothing.count == 0


def test_lengths_without_a_transform_are_refused() -> None:
    with pytest.raises(ValueError, match="no transform of length 7"):
        fft(Counting(), [(1.0, 1.0)] * 7)
    with pytest.raises(ValueError, match="no transform of length 11"):
        rfft(Counting(), [1.0] * 11)
    with pytest.raises(ValueError, match="no transform of length 14"):
        irfft(Counting(), [(1.0, None)] * 8, 14)


@pytest.mark.parametrize("taps", [2, 3, 4, 5])
def test_six_products_make_a_correlation_and_a_gradient_of_taps(taps: int) -> None:
    rng, e = np.random.default_rng(0), Counting()
    tile, weights = rng.standard_normal(winograd.LENGTH), rng.standard_normal(taps)
    gradient = rng.standard_normal(winograd.LENGTH + 1 - taps)
    there = np.array(winograd.of_tile(e, tile.tolist()))
    products = there * winograd.of_taps(e, weights.tolist())
    outputs = winograd.back(e, products.tolist(), len(gradient))
    assert np.allclose(outputs, np.correlate(tile, weights), atol=1e-12)
    products = there * winograd.of_taps(e, gradient.tolist())
    assert np.allclose(
        winograd.back(e, products.tolist(), taps), np.correlate(tile, gradient), atol=1e-12
    )


def test_winograds_lines_are_short() -> None:
    there, taps, back = Counting(), Counting(), Counting()
    winograd.of_tile(there, [1.0] * 6)
    winograd.of_taps(taps, [1.0] * 3)
    winograd.back(back, [1.0] * 6, 4)
    assert (there.count, taps.count, back.count) == (14, 10, 13)
