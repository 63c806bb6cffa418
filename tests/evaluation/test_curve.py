"""Points of the curve say what the rows say."""

import json

import pytest

from tests.evaluation.rows import graded
from z1ray.evaluation.curve import as_json, curve


def test_one_object_per_model_benchmark_method_and_budget():
    """Of three problems each; JSON takes them."""
    rows = [
        graded(thinking_budget=budget, model=model, problem_id=str(problem))
        for budget in (1, 2, 3, 4)
        for model in "ab"
        for problem in range(3)
    ]
    objects = json.loads(json.dumps(as_json(curve(rows, 0.95))))
    drawn = [(item["model"], item["thinking_budget"]) for item in objects]
    assert drawn == [(model, budget) for model in "ab" for budget in (1, 2, 3, 4)]
    assert {(item["num_problems"], item["num_samples"]) for item in objects} == {(3, 3)}


def test_averages_count_every_row():
    """Mean thinking tokens include the runs that ended early; an ungraded row is not correct."""
    given = [(True, 2, False), (False, 10, True), (None, 9, True), (True, 10, True)]
    rows = [
        graded(problem_id=str(number), correct=correct, thinking_tokens=tokens, cut=cut)
        for number, (correct, tokens, cut) in enumerate(given)
    ]
    (point,) = curve(rows, 0.95)
    assert point.accuracy == 0.5
    assert point.mean_thinking_tokens == 7.75
    assert point.cut_ratio == 0.75


def test_tokens():
    """The paper's axis counts thinking; what is paid for is everything generated."""
    rows = [graded(problem_id=str(number), thinking_tokens=number) for number in range(101)]
    (point,) = curve(rows, 0.95)
    assert (point.median_thinking_tokens, point.p90_thinking_tokens, point.p99_thinking_tokens) == (50, 90, 99)
    assert (point.total_thinking_tokens, point.total_generated_tokens) == (5050, 5050 + 101 * 5)
    assert point.mean_generated_tokens == 55


def test_how_thinking_and_answers_ended():
    """A run out of tokens before any cut is not one whose answer ran out."""
    rows = [
        graded(problem_id="ended", cut=False),
        graded(problem_id="cut"),
        graded(problem_id="answer ran out", finish_reason="length", answer=None),
        graded(problem_id="never cut", cut=False, finish_reason="length", answer=None),
    ]
    (point,) = curve(rows, 0.95)
    assert point.thinking_finish == {"stop": 1, "budget": 2, "length": 1}
    assert point.answer_finish == {"stop": 1, "length": 1}
    assert (point.answer_ran_out_ratio, point.no_answer_ratio) == (0.25, 0.5)


@pytest.mark.parametrize(("confidence", "z"), [(0.8, 1.281552), (0.95, 1.959964), (0.99, 2.575829)])
def test_wilson_interval(confidence, z):
    """8 of 10 at the level asked for: with one sample per problem Wilson's interval, from the textbook formula."""
    (point,) = curve([graded(correct=i < 8, problem_id=str(i)) for i in range(10)], confidence)
    n, p = 10, 0.8
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    assert (point.accuracy_low, point.accuracy_high) == pytest.approx((centre - half, centre + half), abs=1e-5)


def test_several_samples_of_a_problem():
    """One of two problems is solved, always: pass@k and maj@k cannot grow, and the interval knows of two problems."""
    rows = [graded(problem_id=p, sample=s, correct=p == "a", answer=p) for p in "ab" for s in range(8)]
    (point,) = curve(rows, 0.95)
    assert (point.num_problems, point.num_samples) == (2, 16)
    assert point.pass_at_k == point.maj_at_k == {1: 0.5, 2: 0.5, 4: 0.5, 8: 0.5}
    assert point.accuracy_low < 0.1 < 0.9 < point.accuracy_high


def test_programs_have_no_majority():
    """No two are the same text, so maj@k would say nothing."""
    rows = [graded(problem_id=p, sample=s, answer=f"def f():\n    return {s}") for p in "ab" for s in range(2)]
    (point,) = curve(rows, 0.95)
    assert (point.pass_at_k, point.maj_at_k) == ({1: 1, 2: 1}, {})


def test_points_of_a_line_run_from_few_to_many_thinking_tokens():
    """A plot joins them in this order."""
    given = [(40, 9), (10, 2), (-1, 30)]
    points = curve([graded(thinking_budget=budget, thinking_tokens=tokens) for budget, tokens in given], 0.9)
    assert [point.thinking_budget for point in points] == [10, 40, -1]
