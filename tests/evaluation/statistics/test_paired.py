"""A paired test finds a difference as often as it should, and none more often than its level."""

import numpy as np
import pytest

from z1ray.evaluation.statistics.paired import BOOTSTRAP, MCNEMAR, compare, percentiles


def column(values):
    return np.array(values, dtype=float)[:, None]


def test_mcnemar():
    """10 gained, 2 lost, the rest agree: twice the binomial tail of 2 or fewer of 12."""
    first = column([0] * 10 + [1] * 2 + [0] * 20 + [1] * 20)
    second = column([1] * 10 + [0] * 2 + [0] * 20 + [1] * 20)
    found = compare(first, second, [52], 0.95)
    assert found.test == MCNEMAR
    assert found.p_value == pytest.approx(2 * (1 + 12 + 66) / 2**12)
    assert found.difference == pytest.approx(8 / 52)
    assert 0 < found.low < 8 / 52 < found.high


def test_no_difference_at_all():
    """The same answers: no evidence, and an interval that twelve problems allow."""
    answers = column([0, 1] * 6)
    found = compare(answers, answers, [12], 0.95)
    assert found.p_value == 1
    assert found.low == -found.high < -0.1


@pytest.mark.parametrize("strata", [[40], [10, 30]])
def test_level_and_coverage_without_a_difference(strata):
    """40 problems of their own rates, 8 samples at each of two budgets: 5 % false alarms, 95 % coverage."""
    rng = np.random.default_rng(3)
    alarms, held, trials = 0, 0, 400
    for _ in range(trials):
        rates = rng.beta(0.5, 0.5, size=(40, 1))
        first, second = ((rng.random((40, 8)) < rates).astype(float) for _ in range(2))
        found = compare(first, second, strata, 0.95)
        assert found.test == BOOTSTRAP
        alarms += found.p_value <= 0.05
        held += found.low <= 0 <= found.high
    assert 0.02 <= alarms / trials <= 0.085
    assert 0.92 <= held / trials <= 1


@pytest.mark.parametrize(("num", "least"), [(2, 0.5), (5, 0.0625), (12, 2 / 2**12)])
def test_few_problems_prove_little(num, least):
    """That all of two problems got better happens by chance every second time, one way or the other."""
    first, second = np.zeros((num, 4)), np.ones((num, 4))
    second[0, 0] = 0
    assert compare(first, second, [num], 0.95).p_value == pytest.approx(least, rel=0.03)


def test_every_benchmark_counts_the_same():
    """A gain of all of 2 problems and of none of 98 is half, as the mean over benchmarks has it."""
    first = np.zeros((100, 2))
    second = np.zeros((100, 2))
    second[:2] = 1
    assert compare(first, second, [2, 98], 0.95).difference == pytest.approx(0.5)


def test_percentiles_of_infinite_values():
    """A level that some replicates never reach has no upper end, and no NaN."""
    assert percentiles(np.array([1.0] * 90 + [np.inf] * 10), 0.9) == (1, np.inf)
