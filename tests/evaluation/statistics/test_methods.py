"""Methods against the window, on answers whose comparison one can compute by hand."""

from typing import Any

import pytest

from tests.evaluation.rows import graded
from z1ray.evaluation.methods.names import MAJORITY, UNCAPPED, WINDOW
from z1ray.evaluation.statistics.lines import POOLED, lines
from z1ray.evaluation.statistics.methods import MethodPoint, method_points
from z1ray.evaluation.statistics.paired import MCNEMAR
from z1ray.records import Row

NUM = 40


def answers(method: str, budget: int, solved: int, generated: int, **given: Any) -> list[Row]:
    """One to each problem, of so many tokens each; the first problems are solved."""
    return [
        graded(
            method=method,
            thinking_budget=budget,
            problem_id=f"{n:02d}",
            thinking_tokens=generated,
            hint_tokens=0,
            answer_tokens=0,
            correct=n < solved,
            **given,
        )
        for n in range(NUM)
    ]


def table(rows: list[Row]) -> dict[tuple[str, int, int], MethodPoint]:
    return {(point.method, point.budget, point.num_votes): point for point in method_points(lines(rows), 0.95)}


# The window solves 10, 20 and 30 problems with 100, 200 and 400 generated tokens.
CURVE = [row for at in ((64, 10, 100), (128, 20, 200), (256, 30, 400)) for row in answers(WINDOW, *at)]


def test_at_the_same_budget_and_at_equal_tokens():
    """With 300 tokens the window's curve is halfway between 20 and 30 problems, whatever the budgets are called."""
    found = table([*CURVE, *answers("tag_capped", 128, 22, 300)])
    assert list(found) == [(WINDOW, 64, 1), (WINDOW, 128, 1), (WINDOW, 256, 1), ("tag_capped", 128, 1)]
    point = found["tag_capped", 128, 1]
    assert (point.accuracy, point.generated_tokens) == (22 / NUM, 300)
    assert point.at_budget is not None
    assert point.at_tokens is not None
    assert point.at_budget.difference == pytest.approx(2 / NUM)
    # Two problems gained, none lost.
    assert (point.at_budget.test, point.at_budget.p_value) == (MCNEMAR, 0.5)
    assert point.at_tokens.difference == pytest.approx(-3 / NUM)
    assert point.at_tokens.low < -3 / NUM < point.at_tokens.high <= 0.05
    assert found[WINDOW, 128, 1].at_budget is found[WINDOW, 128, 1].at_tokens is None


def test_only_what_the_window_spends_is_compared():
    """Beyond its last point nothing was measured; at a budget that it was not asked there is no difference either."""
    point = table([*CURVE, *answers("budget_forcing", 512, 22, 500)])["budget_forcing", 512, 1]
    assert point.at_budget is point.at_tokens is None


def test_a_clear_difference_is_found_among_several_tests():
    """Twelve problems fewer at each of two budgets: Holm doubles what the smaller of two p-values is."""
    rows = [*CURVE, *answers("budget_forcing", 128, 8, 200), *answers("budget_forcing", 256, 18, 400)]
    tests = [table(rows)["budget_forcing", budget, 1].at_tokens for budget in (128, 256)]
    assert [test and test.difference for test in tests] == pytest.approx([-12 / NUM, -12 / NUM])
    assert all(test and test.num_tests == 2 and 0.001 > test.p_value < test.p_adjusted <= 0.002 for test in tests)


def test_majority_at_equal_tokens():
    """Of samples of 90 tokens, one fits into 100, two into 200, four into 400: votes there, and of 2 and 4 at all."""
    samples = [
        row
        for sample, answer in enumerate(("7", "7", "8", "7"))
        for row in answers(UNCAPPED, -1, NUM if answer == "7" else 0, 90, sample=sample, answer=answer)
    ]
    found = table([*CURVE, *samples])
    votes = {(budget, votes): point for (method, budget, votes), point in found.items() if method == MAJORITY}
    assert list(votes) == [(128, 2), (256, 4), (-1, 2), (-1, 4)]
    four = votes[256, 4]
    assert (four.accuracy, four.generated_tokens) == pytest.approx((1, 360))
    assert four.at_budget is not None
    assert four.at_budget.difference == pytest.approx(10 / NUM)
    # Of two votes of two samples, the second is a tie that the wrong answer wins, since it came first.
    assert votes[128, 2].accuracy == pytest.approx(0.5)


def test_one_method_is_no_comparison():
    """The table of the usual sweep is the curve's own."""
    assert method_points(lines(CURVE), 0.95) == []


def test_pooled_over_benchmarks():
    """Every method that was asked of all benchmarks."""
    rows = [*CURVE, *answers("tag_capped", 128, 22, 200)]
    both = [*rows, *({**row, "benchmark": "c"} for row in rows)]
    found = [point for point in method_points(lines(both), 0.95) if point.benchmark == POOLED]
    assert [point.method for point in found] == [WINDOW] * 3 + ["tag_capped"]
    assert found[-1].at_tokens is not None
    assert found[-1].at_tokens.difference == pytest.approx(2 / NUM)
