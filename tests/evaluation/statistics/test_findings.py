"""The findings of a sweep of two models over two benchmarks, in figures and in words."""

import json

import pytest

from tests.evaluation.rows import graded
from z1ray.evaluation.methods.names import WINDOW
from z1ray.evaluation.statistics.findings import Findings, as_json, findings
from z1ray.evaluation.statistics.lines import POOLED
from z1ray.evaluation.statistics.paired import BOOTSTRAP, MCNEMAR
from z1ray.evaluation.statistics.sentences import headlines, sentences

# Problems of 20 that each model solves at budgets 10 and 40.
SOLVED = {("fast", "sums"): (4, 16), ("slow", "sums"): (2, 10), ("fast", "code"): (10, 10), ("slow", "code"): (0, 10)}


@pytest.fixture(scope="module")
def found() -> Findings:
    rows = [
        graded(
            model=model,
            benchmark=benchmark,
            method=WINDOW,
            problem_id=f"{benchmark}/{problem}",
            thinking_budget=budget,
            thinking_tokens=budget if model == "slow" else budget // 2,
            correct=problem < solved,
        )
        for (model, benchmark), both in SOLVED.items()
        for budget, solved in zip((10, 40), both, strict=True)
        for problem in range(20)
    ]
    return findings(rows, 0.95)


def test_gains_per_benchmark_and_pooled(found):
    """McNemar with one benchmark; over both, each with the same weight, the bootstrap."""
    gains = {(gain.benchmark, gain.model): gain for gain in found.gains}
    assert len(gains) == 6
    assert gains["sums", "fast"].result.difference == pytest.approx(0.6)
    assert gains["sums", "fast"].result.test == MCNEMAR
    assert gains["sums", "fast"].result.p_value == pytest.approx(2 / 2**12)
    assert gains[POOLED, "fast"].result.difference == pytest.approx(0.3)
    assert gains[POOLED, "fast"].result.test == BOOTSTRAP


def test_every_pair_that_a_reviewer_asks_for(found):
    """Budgets of a model against the next, models at a budget, tokens for an accuracy, s1's figures."""
    assert len(found.steps) == 6
    assert len(found.models) == 3 * 2
    assert {(each.model, each.other_model) for each in found.models} == {("fast", "slow")}
    levels = {
        each.model: each.thinking_tokens for each in found.needed if (each.benchmark, each.accuracy) == ("sums", 0.5)
    }
    assert levels == pytest.approx({"fast": 12.5, "slow": 40})
    assert len(found.s1) == 6


def test_told_in_sentences(found):
    """One for each gain and saving, which a reader needs no table for."""
    told = sentences(found)
    assert len(told) == 6 + 3
    assert told[2].startswith("sums: fast gains 0.600 in accuracy from 0.200 at a budget of 10 to 0.800 at a budget of")
    assert told[2].endswith("p < 0.001 after Holm for 2 tests, exact McNemar test, 20 problems).")
    (saved,) = [line for line in told if line.startswith("sums: for")]
    assert (
        "for an accuracy of 0.500, the highest that both reach, fast needs 12.5 thinking tokens and slow 40.0" in saved
    )
    assert "69 % saved (95 % interval" in saved


def test_p_values_of_a_family_are_adjusted(found):
    """Of a model's two benchmarks, of the one step of a curve, and of the pooled gain, which stands alone."""
    gains = {(gain.benchmark, gain.model): gain.result for gain in found.gains}
    assert gains["sums", "fast"].p_adjusted == pytest.approx(2 * gains["sums", "fast"].p_value)
    assert (gains[POOLED, "fast"].p_adjusted, gains[POOLED, "fast"].num_tests) == (gains[POOLED, "fast"].p_value, 1)
    assert {step.result.num_tests for step in found.steps} == {1}
    assert {each.result.num_tests for each in found.models} == {2}


def test_few_sentences_tell_most(found):
    """Over all benchmarks first, the largest gain and the saving before any single benchmark; eight at most."""
    told = headlines(found)
    assert len(told) == 8 < len(sentences(found))
    assert set(told) < set(sentences(found))
    assert [sentence.startswith(POOLED) for sentence in told] == [True] * 3 + [False] * 5
    assert "gains" in told[0]
    assert "saved" in told[1]


def test_json(found):
    """Strict JSON: no infinity, no NaN."""
    assert json.loads(json.dumps(as_json(found), allow_nan=False))["confidence"] == 0.95


def test_one_model_and_one_budget():
    """A single point has no gains and no savings."""
    found = findings([graded()], 0.95)
    assert (found.gains, found.savings, found.steps, found.models, found.needed) == ([], [], [], [], [])
    assert sentences(found) == []


def test_a_model_that_needs_no_thinking_at_all():
    """At budget 0 it solves what the other needs thinking for, or may in a draw of problems: still strict JSON.

    And models that share no method are compared all the same, each by its own.
    """
    rows = [
        graded(
            model=model,
            method=method,
            problem_id=str(n),
            thinking_budget=budget,
            thinking_tokens=budget,
            correct=n < solved,
        )
        for model, method, both in (("a", WINDOW, (3, 5)), ("b", "tag_capped", (2, 6)))
        for budget, solved in zip((0, 8), both, strict=True)
        for n in range(10)
    ]
    found = findings(rows, 0.95)
    assert json.dumps(as_json(found), allow_nan=False)
    assert len(sentences(found)) == 3
    assert [(each.method, each.other_method) for each in found.savings] == [("tag_capped", WINDOW)]
    assert "b (tag_capped)" in sentences(found)[2]
