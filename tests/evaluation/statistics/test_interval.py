"""An interval holds the true accuracy as often as its level says."""

import numpy as np
import pytest

from z1ray.evaluation.statistics.interval import accuracy_interval


@pytest.mark.parametrize("num_samples", [4, 16, 64])
@pytest.mark.parametrize(("mean", "spread"), [(0.5, 1.0), (0.8, 5.0), (0.3, 0.2), (0.02, 1.0), (0.97, 0.5)])
def test_coverage_with_several_samples_per_problem(num_samples, mean, spread):
    """Over pooled samples it would hold in 0.28 to 0.77 of the cases: 60 beta-binomial problems, also near 0 and 1."""
    rng = np.random.default_rng(7)
    trials, held = 800, 0
    for _ in range(trials):
        rates = rng.beta(mean * spread, (1 - mean) * spread, size=(60, 1))
        low, high = accuracy_interval((rng.random((60, num_samples)) < rates).astype(float), 0.95)
        held += low <= mean <= high
    assert 0.93 <= held / trials <= 0.99


def test_samples_that_all_agree_count_as_one():
    """Eight copies of each answer say no more of other problems than one; a little less is known for certain."""
    single = np.array([[1.0]] * 12 + [[0.0]] * 8)
    low, high = accuracy_interval(single, 0.95)
    copied_low, copied_high = accuracy_interval(np.repeat(single, 8, axis=1), 0.95)
    assert copied_low <= low < 0.6 < high <= copied_high
    assert copied_high - copied_low == pytest.approx(high - low, rel=0.1)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_all_right_or_all_wrong_is_not_certainty(value):
    """Twenty problems, eight samples each: the interval touches its end and is as wide as twenty problems make it."""
    low, high = accuracy_interval(np.full((20, 8), value), 0.95)
    assert (low if value == 0 else high) == pytest.approx(value)
    assert 0.1 < high - low < 0.25


def test_one_problem():
    """However many samples, one problem says little of a benchmark."""
    low, high = accuracy_interval(np.ones((1, 64)), 0.95)
    assert low < 0.25
    assert high == 1
