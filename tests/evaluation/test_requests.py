"""A budget sweep asks everything once, within the context, under the right window."""

import json

import pytest

from z1ray.engine.args import BUDGET_ARG, HINT_ARG
from z1ray.engine.config import EngineConfig
from z1ray.engine.tokens import text_token_ids
from z1ray.errors import UserError
from z1ray.evaluation.config import EvaluateConfig
from z1ray.evaluation.evaluate import _with_tests
from z1ray.evaluation.requests import build_requests, evaluation_row, sweep
from z1ray.problems.config import SourceConfig
from z1ray.records import problem
from z1ray.window import MATH_HINT, WindowConfig


def config(model, **settings) -> EvaluateConfig:
    given = {
        "models": {"m": str(model)},
        "benchmarks": [SourceConfig(kind="humaneval"), SourceConfig(kind="jsonl", path="x", name="maths")],
        "budgets": [4, -1, 32],
        "hints": {"maths": "math"},
        "window": WindowConfig(answer_tokens=10),
        "engine": EngineConfig(device="cpu", max_model_len=160),
        **settings,
    }
    return EvaluateConfig(**given)


@pytest.fixture
def problems():
    return [problem(problem_id=f"x/{i}", source="x", question=f"Question {i}?") for i in range(3)]


def test_every_problem_budget_and_sample_once_longest_first(smollm2, problems):
    """A curve with holes or doubled answers would lie; long runs first keep the tail short."""
    settings = config(smollm2, samples=2, temperature=0.7)
    rows = build_requests(settings, sweep(settings, "m"), "humaneval", problems)
    assert len({row["row_id"] for row in rows}) == len(rows) == 3 * 3 * 2
    assert [row["thinking_budget"] for row in rows[::6]] == [-1, 32, 4]


def test_each_request_carries_its_window(smollm2, problems):
    """The budget, the benchmark's own hint, and budget + hint + answer tokens as the limit."""
    settings = config(smollm2)
    rows = build_requests(settings, sweep(settings, "m"), "maths", problems)
    hint = list(text_token_ids(str(smollm2), MATH_HINT))
    for row in rows:
        sampling = json.loads(row["sampling"])
        if row["thinking_budget"] == -1:
            assert sampling["extra_args"] == {}
            assert sampling["max_tokens"] == 160 - len(row["tokenized_prompt"])
        else:
            assert sampling["extra_args"] == {BUDGET_ARG: row["thinking_budget"], HINT_ARG: hint}
            assert sampling["max_tokens"] == row["thinking_budget"] + len(hint) + 10


def test_a_question_too_long_for_its_window_is_refused_by_id(smollm2, problems):
    """Before any engine starts, with what to change."""
    settings = config(smollm2)
    problems[1]["question"] = "word " * 100
    with pytest.raises(UserError) as caught:
        build_requests(settings, sweep(settings, "m"), "humaneval", problems)
    for part in ("x/1", "budget 32", "max_model_len"):
        assert part in str(caught.value)


def test_a_benchmark_problem_without_tests_is_refused_by_id(problems):
    """It could not be graded, and counting it as wrong would lower the curve in silence."""
    with pytest.raises(UserError, match=r"x/0.*tests"):
        _with_tests("humaneval", problems)


def test_rows_account_for_their_tokens(smollm2):
    """An answered request becomes a row that says where its tokens went."""
    swept = sweep(config(smollm2), "m")
    answered = {
        "row_id": "r",
        "benchmark": "humaneval",
        "problem_id": "x/0",
        "thinking_budget": 4,
        "sample": 0,
        "text": "t",
        "token_ids": [1] * 25,
        "finish_reason": "length",
        "error": None,
    }
    row = evaluation_row(answered, swept=swept)
    assert (row["thinking_tokens"], row["hint_tokens"], row["answer_tokens"], row["cut"]) == (4, 14, 7, True)
    assert row["finish_reason"] == "length"
    assert (row["model"], row["method"]) == ("m", "shifted_thinking_window")
    with pytest.raises(RuntimeError, match="too hot"):
        evaluation_row({**answered, "error": "too hot"}, swept=swept)


def test_rows_count_the_grace_as_thinking(smollm2):
    """With grace the hint stands where the line ended: counting from the budget would misplace it."""
    swept = sweep(config(smollm2, window=WindowConfig(answer_tokens=10, grace=0.5)), "m")
    newline = min(swept.breaks)
    asked = {"benchmark": "humaneval", "problem_id": "x/0", "thinking_budget": 32, "error": None}
    row = evaluation_row({**asked, "token_ids": [1] * 39 + [newline] + [1] * 20}, swept=swept)
    assert (row["thinking_tokens"], row["hint_tokens"], row["answer_tokens"], row["cut"]) == (40, 14, 6, True)


@pytest.mark.parametrize(
    "settings",
    [
        {"budgets": [-2]},
        {"budgets": [16, 16]},
        {"models": {}},
        {"samples": 0},
        {"samples": 2},
        {"confidence": 1.0},
        {"hints": {"maths": "poem"}},
        {"benchmarks": [SourceConfig(kind="humaneval"), SourceConfig(kind="humaneval", limit=3)]},
    ],
)
def test_settings_that_cannot_work_are_refused(settings):
    """Two benchmarks of one name, an unknown hint, nothing to run, the same greedy answer counted twice."""
    with pytest.raises(UserError):
        config("m", **settings)
