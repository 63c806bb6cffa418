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


def test_control_is_the_share_of_runs_within_their_budget():
    """As s1 has it, by the mean of a run; an overrun of some answers shows in the stricter figure only."""
    found = line([0.2, 0.4], [10, 20])
    thinking = found.thinking.copy()
    thinking[1, :30], thinking[1, 30:] = 41, 1
    mixed = s1_metrics(replace(found, thinking=thinking))
    assert mixed.control == 1
    assert mixed.control_by_answer == pytest.approx(0.85)
    over = s1_metrics(replace(found, budgets=(8, 20)))
    assert over.control == 0.5
    assert over.control_by_answer == pytest.approx(0.5)


def test_what_has_no_cap_keeps_to_none():
    """Nothing was asked of it that it could keep to."""
    assert s1_metrics(replace(line([0.2, 0.4], [10, 20]), budgets=(10, -1))).control == 1
    assert s1_metrics(replace(line([0.2], [10]), budgets=(-1,))).control is None


def test_budgets_that_change_nothing_have_no_slope():
    """The model ends before either budget."""
    assert s1_metrics(line([0.4, 0.4], [10, 10])).scaling is None
