"""pass@k and maj@k against values worked out by hand."""

from itertools import combinations

import pytest

from z1ray.evaluation.statistics.samples import maj_at_k, pass_at_k, powers_up_to


@pytest.mark.parametrize("num_correct", range(7))
@pytest.mark.parametrize("k", [1, 2, 5, 6])
def test_pass_at_k_is_the_share_of_subsets_with_a_correct_one(num_correct, k):
    """Counted over all subsets of six samples."""
    subsets = list(combinations([True] * num_correct + [False] * (6 - num_correct), k))
    assert pass_at_k(6, num_correct, k) == pytest.approx(sum(any(subset) for subset in subsets) / len(subsets))


def test_pass_at_k_of_many_samples():
    """Binomials of thousands overflow a float; the product does not."""
    assert pass_at_k(10_000, 10, 1000) == pytest.approx(1 - 0.9**10, abs=0.001)


def test_a_majority_outvotes():
    """Three of five agree: right with all votes, the share of correct samples with one."""
    answers, correct = ["7", "7", "7", "8", "9"], [True, True, True, False, False]
    assert maj_at_k(answers, correct, 5) == 1
    assert maj_at_k(answers, correct, 1) == pytest.approx(0.6)
    assert maj_at_k(answers, [not value for value in correct], 5) == 0


def test_no_answer_does_not_vote():
    """Four empty samples must not outvote one answer; with nothing but empty ones there is no answer."""
    assert maj_at_k([None, None, None, None, "7"], [False] * 4 + [True], 5) == 1
    assert maj_at_k([None, None], [False, False], 2) == 0


def test_ties_are_shared():
    """By the order of samples or texts, one of two equals would always win."""
    assert maj_at_k(["1", "2"], [True, False], 2) == 0.5
    assert maj_at_k(["1", "2"], [False, True], 2) == 0.5


def test_over_all_subsets():
    """Of the six pairs of 7, 8, 8 and nothing: two ties, one 7 alone, and three for 8."""
    answers, correct = ["7", "8", "8", None], [True, False, False, False]
    assert maj_at_k(answers, correct, 2) == pytest.approx((0.5 + 0.5 + 1) / 6)
    assert maj_at_k(answers, correct, 1) == 0.25


def test_of_many_samples_subsets_are_drawn():
    """A hundred samples have too many; 60 % of votes win nearly always, and the same ones are drawn every time."""
    answers, correct = ["7"] * 60 + ["8"] * 40, [True] * 60 + [False] * 40
    assert 0.95 < maj_at_k(answers, correct, 51) == maj_at_k(answers, correct, 51) <= 1


def test_powers():
    assert powers_up_to(1) == [1]
    assert powers_up_to(6) == [1, 2, 4, 6]
    assert powers_up_to(8) == [1, 2, 4, 8]
