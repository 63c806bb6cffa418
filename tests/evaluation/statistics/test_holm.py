"""Holm's method against values worked out by hand."""

import numpy as np
import pytest

from z1ray.evaluation.statistics.holm import holm


def test_by_hand():
    """Sorted 0.01, 0.02, 0.03, 0.5: times 4, 3, 2, 1, and never below the one before."""
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert holm([0.4, 0.9]) == pytest.approx([0.8, 0.9])
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


def test_false_alarms_of_a_family():
    """Of eight tests without a difference each, one is below 0.05 in a third of the families; adjusted, in 5 %."""
    families = np.random.default_rng(0).random((2000, 8))
    assert (families.min(axis=1) <= 0.05).mean() > 0.3
    assert np.mean([min(holm(family.tolist())) <= 0.05 for family in families]) == pytest.approx(0.05, abs=0.015)
