"""What is read off the curve is what one would read off the picture."""

import numpy as np
import pytest

from tests.evaluation.statistics.synthetic import line
from z1ray.evaluation.statistics.needed import crossing, needed, saving


@pytest.mark.parametrize(
    ("target", "tokens"), [(0.2, 10), (0.1, 10), (0.3, 15), (0.4, 20), (0.6, 30), (0.8, 40), (0.9, np.inf)]
)
def test_crossing(target, tokens):
    """Linear between points, however they are ordered; the first crossing counts where the curve falls again."""
    assert crossing(
        np.array([[40.0, 10, 20, 50]]), np.array([[0.8, 0.2, 0.4, 0.5]]), np.array([target])
    ) == pytest.approx(tokens)


def test_tokens_needed_for_an_accuracy():
    """Halfway between two points, with an interval around it; none for what the curve does not reach."""
    found = needed(line([0.2, 0.6], [10, 20]), 0.4, 0.95)
    assert found is not None
    assert found.thinking_tokens == pytest.approx(15)
    assert 12 < found.low < 15 < (found.high or 0) < 18
    assert not found.at_most
    assert needed(line([0.2, 0.6], [10, 20]), 0.7, 0.95) is None


def test_an_accuracy_near_the_best_has_no_upper_end():
    """Of other problems the model might not solve that many, with any of these budgets."""
    found = needed(line([0.2, 0.6], [10, 20]), 0.6, 0.95)
    assert found is not None
    assert found.high is None


@pytest.mark.parametrize("turned", [False, True])
def test_saving_at_equal_accuracy(turned):
    """To 0.6 one model needs 30 tokens and the other 60, whichever is named first: half, in tokens generated less."""
    fast, slow = line([0.2, 0.6, 0.8], [10, 30, 40], model="fast"), line([0.1, 0.6], [20, 60], model="slow")
    found = saving(slow, fast, 0.95) if turned else saving(fast, slow, 0.95)
    assert found is not None
    assert (found.model, found.other) == ("fast", "slow")
    assert (found.accuracy, found.tokens, found.other_tokens) == pytest.approx((0.6, 30, 60))
    assert found.saved == pytest.approx(0.5)
    assert found.saved_generated == pytest.approx(1 - 40 / 70)
    assert found.low is not None
    assert found.low <= 0.5 <= found.high
    assert not found.at_least


def test_a_model_that_starts_above_saves_at_least():
    """Its smallest budget does better than the other's largest: how few tokens would do was not measured."""
    found = saving(line([0.8, 0.9], [10, 20]), line([0.1, 0.6], [20, 40], model="slow"), 0.95)
    assert found is not None
    assert found.at_least
    assert found.saved == pytest.approx(0.75)


def test_nothing_solved_compares_to_nothing():
    assert saving(line([0, 0], [10, 20]), line([0, 0.5], [10, 20]), 0.95) is None
