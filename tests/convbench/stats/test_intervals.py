"""The interval of a cell: exact for few pairs, and right as often as it says."""

import numpy as np
import pytest
from scipy.stats import wilcoxon

from convbench.stats.intervals import interval


@pytest.mark.parametrize("count", [7, 12, 25])
def test_a_bound_is_where_wilcoxons_test_changes_its_mind(count) -> None:
    values = np.random.default_rng(count).normal(0.01, 0.02, count)
    found = interval(list(values), 0.01)
    for bound, inside, outside in (
        (found.low, 1e-9, -1e-9),
        (found.high, -1e-9, 1e-9),
    ):
        side = "greater" if bound is found.low else "less"
        assert wilcoxon(values - bound - inside, alternative=side, method="exact").pvalue > 0.01
        assert wilcoxon(values - bound - outside, alternative=side, method="exact").pvalue <= 0.01


def test_too_few_pairs_bound_nothing() -> None:
    found = interval([0.01] * 6, 0.01)  # all of six of one sign: 1/64
    assert (found.low, found.high, found.level) == (-np.inf, np.inf, 0.0)
    assert found.estimate == pytest.approx(0.01)
    seven = interval([0.01] * 7, 0.01)
    assert seven.low == pytest.approx(0.01)
    assert seven.level == pytest.approx(1 / 128)


def test_no_pair_has_no_estimate() -> None:
    assert np.isnan(interval([], 0.01).estimate)


def _normal(rng: np.random.Generator, count: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return rng.normal(0.0, 0.01, count)


def _heavy_tailed(
    rng: np.random.Generator, count: int
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return 0.01 * rng.standard_t(1.5, count)


def _of_two_moods(
    rng: np.random.Generator, count: int
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Quiet pairs and wild ones, as on a machine that is busy now and then."""
    return rng.normal(0.0, np.where(rng.random(count) < 0.3, 0.08, 0.005))


@pytest.mark.parametrize("noise", [_normal, _heavy_tailed, _of_two_moods])
@pytest.mark.parametrize("count", [10, 30])
def test_the_interval_covers_the_truth_as_often_as_it_says(noise, count) -> None:
    rng = np.random.default_rng(20_26)
    truth, level, trials = 0.03, 0.05, 2000
    missed_low = missed_high = 0
    for _ in range(trials):
        found = interval(list(truth + noise(rng, count)), level)
        missed_low += truth < found.low
        missed_high += truth > found.high
    # Four standard errors of a share of 5% in so many trials.
    margin = 4 * np.sqrt(level * (1 - level) / trials)
    assert missed_low / trials < level + margin
    assert missed_high / trials < level + margin
    assert missed_low / trials > level - 0.025  # and it is no wider than it has to be


def test_one_wild_pair_hardly_moves_it() -> None:
    values = list(np.random.default_rng(1).normal(0.0, 0.005, 20))
    assert abs(interval([*values, 3.0], 0.01).estimate - interval(values, 0.01).estimate) < 0.002
