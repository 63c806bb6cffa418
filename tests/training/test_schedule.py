"""The learning rate of each step."""

from itertools import pairwise

import pytest

from z1ray.training.schedule import learning_rate


def rates(num_steps: int, warmup_steps: int) -> list[float]:
    return [learning_rate(step, num_steps, peak=2.0, warmup_steps=warmup_steps) for step in range(num_steps + 1)]


def test_warm_up_rises_evenly_to_the_peak() -> None:
    """The first step already learns, and the last of the warm-up does so at the peak."""
    assert rates(10, 4)[:4] == pytest.approx([0.5, 1.0, 1.5, 2.0])


def test_cosine_falls_from_peak_to_zero() -> None:
    """Half-way it is half the peak, and only after the last step is it 0: none is wasted."""
    after = rates(14, 4)[4:]
    assert after[0] == pytest.approx(2.0)
    assert after[5] == pytest.approx(1.0)
    assert after[10] == pytest.approx(0.0)
    assert all(before > later > 0 for before, later in pairwise(after[:-1]))


def test_no_warm_up_starts_at_the_peak() -> None:
    """A warm-up of 0 must not divide by it."""
    assert rates(3, 0)[0] == pytest.approx(2.0)
