"""Points of the curve say what the rows say."""

import pytest

from z1ray.evaluation.curve import as_json, curve

FIELDS = {
    *("model", "benchmark", "method", "thinking_budget", "num_samples", "accuracy"),
    *("accuracy_low", "accuracy_high", "mean_thinking_tokens", "cut_ratio"),
}


def row(correct, thinking_tokens, cut, budget=10, model="m", benchmark="b"):
    return {
        "model": model,
        "benchmark": benchmark,
        "method": "x",
        "thinking_budget": budget,
        "thinking_tokens": thinking_tokens,
        "cut": cut,
        "correct": correct,
    }


def test_one_object_per_model_benchmark_method_and_budget():
    """curve.json has exactly the promised fields and one object per combination."""
    rows = [row(True, 3, False, budget, model) for budget in (1, 2, 3, 4) for model in "ab" for _ in range(3)]
    objects = as_json(curve(rows, 0.95))
    assert len(objects) == 8
    assert all(set(item) == FIELDS for item in objects)
    assert {item["num_samples"] for item in objects} == {3}


def test_averages_count_every_row():
    """Mean thinking tokens include the runs that ended early; an ungraded row is not correct."""
    (point,) = curve([row(True, 2, False), row(False, 10, True), row(None, 9, True), row(True, 10, True)], 0.95)
    assert point.accuracy == 0.5
    assert point.mean_thinking_tokens == 7.75
    assert point.cut_ratio == 0.75


@pytest.mark.parametrize(("confidence", "z"), [(0.8, 1.281552), (0.95, 1.959964), (0.99, 2.575829)])
def test_wilson_interval(confidence, z):
    """8 of 10 at the level asked for: Wilson's interval, from the textbook formula."""
    (point,) = curve([row(i < 8, 1, False) for i in range(10)], confidence)
    n, p = 10, 0.8
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    assert (point.accuracy_low, point.accuracy_high) == pytest.approx((centre - half, centre + half), abs=1e-5)


def test_points_of_a_line_run_from_few_to_many_thinking_tokens():
    """A plot joins them in this order."""
    points = curve([row(True, tokens, False, budget) for budget, tokens in [(40, 9), (10, 2), (-1, 30)]], 0.9)
    assert [point.thinking_budget for point in points] == [10, 40, -1]
