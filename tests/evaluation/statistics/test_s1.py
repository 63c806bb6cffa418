"""Control, scaling and performance on a curve that one can compute by hand."""

from dataclasses import replace

import pytest

from tests.evaluation.statistics.synthetic import line
from z1ray.evaluation.statistics.s1 import s1_metrics


def test_three_points():
    """Slopes 0.02, 0.005 and, over both, 0.0125 per token."""
    found = s1_metrics(line([0.2, 0.4, 0.45], [10, 20, 30]))
    assert found.control == pytest.approx(1)
    assert found.scaling == pytest.approx(1000 * (0.02 + 0.005 + 0.0125) / 3)
    assert found.performance == pytest.approx(0.45)


def test_control_counts_the_answers_over_their_budget():
    """One of two budgets is overrun by every answer; what has no cap cannot be."""
    assert s1_metrics(replace(line([0.2, 0.4], [10, 20]), budgets=(8, 20))).control == pytest.approx(0.5)
    assert s1_metrics(replace(line([0.2, 0.4], [10, 20]), budgets=(10, -1))).control == pytest.approx(1)


def test_budgets_that_change_nothing_have_no_slope():
    """The model ends before either budget."""
    assert s1_metrics(line([0.4, 0.4], [10, 10])).scaling is None
