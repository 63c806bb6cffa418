"""A budget sweep asks everything once, within the context, under the right window."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from z1ray.engine.args import BUDGET_ARG, HINT_ARG
from z1ray.engine.config import EngineConfig
from z1ray.engine.tokens import text_token_ids, tokenizer
from z1ray.errors import UserError
from z1ray.evaluation.config import EvaluateConfig
from z1ray.evaluation.evaluate import gradable
from z1ray.evaluation.requests import (
    Question,
    Sweep,
    branch_requests,
    build_questions,
    evaluation_row,
    sweep,
    trace_requests,
    under_budget,
)
from z1ray.evaluation.traces import Trace
from z1ray.grading.config import SandboxConfig
from z1ray.problems.config import SourceConfig
from z1ray.records import problem
from z1ray.window import CODE_HINT, MATH_HINT, WindowConfig

Asked = tuple[EvaluateConfig, Sweep, list[Question]]


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


@pytest.fixture
def asked(tiny_model, problems) -> Asked:
    """Settings with two samples, their sweep and the questions of a benchmark."""
    settings = config(tiny_model, budgets=[4, 0, 32], samples=2, temperature=0.7)
    swept = sweep(settings, "m")
    return settings, swept, build_questions(settings, swept, "maths", problems)


def answered(rows, cut=frozenset({"x/0", "x/1"})):
    """A trace for each request: cut, or ended by itself after eight tokens."""
    return {
        (row["problem_id"], row["sample"]): [
            Trace(row["thinking_budget"], tuple(range(60 if row["problem_id"] in cut else 8)), row["problem_id"] in cut)
        ]
        for row in rows
    }


def test_each_question_and_sample_is_traced_once_at_the_largest_budget(tiny_model: Path, asked: Asked) -> None:
    """With the benchmark's own hint, budget + hint + answer tokens as the limit, and different draws."""
    rows = trace_requests(*asked, {})
    assert [(row["problem_id"], row["sample"]) for row in rows] == [(f"x/{i}", s) for i in range(3) for s in range(2)]
    hint = list(text_token_ids(str(tiny_model), MATH_HINT))
    samplings = [json.loads(row["sampling"]) for row in rows]
    assert {row["thinking_budget"] for row in rows} == {32}
    assert all(sampling["extra_args"] == {BUDGET_ARG: 32, HINT_ARG: hint} for sampling in samplings)
    assert all(sampling["max_tokens"] == 32 + len(hint) + 10 for sampling in samplings)
    assert len({sampling["seed"] for sampling in samplings}) == len(rows)


def test_a_benchmark_may_have_its_own_system_turn_and_room_for_the_answer(tiny_model, problems):
    """As the paper's general questions do; the others keep the common ones."""
    settings = config(tiny_model, budgets=[4], answer_tokens={"maths": 3}, system_prompts={"maths": "Be exact."})
    swept = sweep(settings, "m")
    asked = {label: build_questions(settings, swept, label, problems) for label in ("humaneval", "maths")}
    windows = {label: swept.windows[label, 4] for label in asked}
    assert windows["humaneval"].max_tokens == 4 + len(windows["humaneval"].hint) + 10
    assert windows["maths"].max_tokens == 4 + len(windows["maths"].hint) + 3
    decode = tokenizer(str(tiny_model)).decode
    assert "Be exact." in decode(asked["maths"][0].prompt)
    assert "Please reason step by step." in decode(asked["humaneval"][0].prompt)


def test_without_a_cap_the_trace_gets_the_whole_context(tiny_model, problems):
    """And no window."""
    settings = config(tiny_model)
    swept = sweep(settings, "m")
    for row in trace_requests(settings, swept, build_questions(settings, swept, "maths", problems), {}):
        sampling = json.loads(row["sampling"])
        assert (row["thinking_budget"], sampling["extra_args"]) == (-1, {})
        assert sampling["max_tokens"] == 160 - len(row["tokenized_prompt"])


def test_branches_are_shown_their_thinking_and_write_the_answer(asked: Asked) -> None:
    """Every other budget once, longest first, and no window: the cut is made."""
    _, swept, questions = asked
    traces = trace_requests(*asked, {})
    rows = list(branch_requests(*asked, answered(traces)))
    hint = list(swept.windows["maths", 0].hint)
    assert [(row["problem_id"], row["sample"], row["thinking_budget"]) for row in rows] == [
        (f"x/{i}", sample, budget) for i in range(3) for sample in range(2) for budget in (4, 0)
    ]
    prompts = {question.problem_id: list(question.prompt) for question in questions}
    for row in rows:
        sampling = json.loads(row["sampling"])
        assert row["shown"] == [*range(row["thinking_budget"]), *hint]
        assert row["tokenized_prompt"] == prompts[row["problem_id"]] + row["shown"]
        assert (sampling["max_tokens"], sampling["extra_args"]) == (10, {})
    assert len({json.loads(row["sampling"])["seed"] for row in [*traces, *rows]}) == len(rows) + len(traces)


def test_more_budgets_and_samples_ask_only_what_is_missing(asked: Asked) -> None:
    """A larger budget retraces what was cut, with the same draws; a smaller one only branches."""
    settings, _, questions = asked
    first = trace_requests(*asked, {})
    traces = answered(first)
    assert trace_requests(*asked, traces) == []

    def extended(**changes: Any) -> Asked:
        more = replace(settings, **changes)
        return more, sweep(more, "m"), questions

    assert trace_requests(*extended(budgets=[4, 0, 32, 16]), traces) == []
    branches = branch_requests(*extended(budgets=[4, 0, 32, 16]), traces)
    assert [row["problem_id"] for row in branches if row["thinking_budget"] == 16] == ["x/0", "x/0", "x/1", "x/1"]
    larger = trace_requests(*extended(budgets=[4, 0, 32, 40]), traces)
    assert [(row["problem_id"], row["thinking_budget"]) for row in larger] == [
        *[("x/0", 40)] * 2,
        *[("x/1", 40)] * 2,
    ]
    seeds = [[json.loads(row["sampling"])["seed"] for row in rows] for rows in (larger, first)]
    assert seeds[0] == seeds[1][:4]
    assert [row["sample"] for row in trace_requests(*extended(samples=3), traces)] == [2, 2, 2]


def test_a_question_too_long_for_its_window_is_refused_by_id(tiny_model, problems):
    """Before any engine starts, with what to change."""
    settings = config(tiny_model)
    problems[1]["question"] = "word " * 100
    with pytest.raises(UserError) as caught:
        build_questions(settings, sweep(settings, "m"), "humaneval", problems)
    for part in ("x/1", "budget 32", "max_model_len"):
        assert part in str(caught.value)


def test_a_benchmark_problem_without_tests_is_refused_by_id(problems):
    """It could not be graded, and counting it as wrong would lower the curve in silence."""
    with pytest.raises(UserError, match=r"x/0.*tests"):
        gradable("humaneval", problems, SandboxConfig())


def answer_row(**fields) -> dict[str, Any]:
    asked = {"benchmark": "humaneval", "problem_id": "x/0", "sample": 0, "thinking_budget": 4, "shown": []}
    return {**asked, "row_id": "m#x/0#4#0", "text": "t", "error": None, **fields}


def counts(row):
    return row["thinking_tokens"], row["hint_tokens"], row["answer_tokens"], row["cut"]


def test_a_problem_whose_libraries_are_missing_is_refused_before_it_is_asked():
    tests = {"kind": "unittest", "cases": ["class TestCases: ..."]}
    needy = problem(
        problem_id="b/1", source="b", question="?", tests=tests, metadata={"libraries": ["no_such_library"]}
    )
    with pytest.raises(UserError, match=r"sandbox\.packages[\s\S]*'b/1' needs no_such_library"):
        gradable("b", [needy], SandboxConfig())


def test_rows_account_for_their_tokens(tiny_model):
    """An answered request becomes a row that says where its tokens went."""
    swept = sweep(config(tiny_model), "m")
    answered = answer_row(token_ids=[1] * 25)
    row = evaluation_row(answered, swept=swept, model=str(tiny_model))
    assert counts(row) == (4, 14, 7, True)
    assert (row["row_id"], row["model"], row["method"]) == ("m#x/0#4#0", "m", "shifted_thinking_window")
    with pytest.raises(RuntimeError, match="too hot"):
        evaluation_row({**answered, "error": "too hot"}, swept=swept, model=str(tiny_model))


def test_a_branch_counts_what_one_run_would_have_spent(tiny_model):
    """The curve is about a run under the budget; what the branch itself generated is told beside it."""
    swept = sweep(config(tiny_model), "m")
    thinking = text_token_ids(str(tiny_model), "one two three four")[:4]
    shown = [*thinking, *swept.windows["humaneval", 4].hint]
    row = evaluation_row(answer_row(shown=shown, token_ids=[5] * 7), swept=swept, model=str(tiny_model))
    assert counts(row) == (4, 14, 7, True)
    assert (row["num_generated"], row["token_ids"]) == (7, None)
    assert row["text"] == "one two three four" + CODE_HINT + "t"


def test_a_trace_that_ended_answers_under_each_budget(tiny_model):
    """The same run, not cut, under the budget's own id."""
    swept = sweep(config(tiny_model), "m")
    run = evaluation_row(answer_row(thinking_budget=-1, token_ids=[1] * 30), swept=swept, model=str(tiny_model))
    row = under_budget(run, swept, 32)
    assert (row["row_id"], row["thinking_budget"], row["text"]) == ("m#x/0#32#0", 32, "t")
    assert counts(row) == (30, 0, 0, False)


def test_rows_count_the_grace_as_thinking(tiny_model):
    """With grace the hint stands where the line ended: counting from the budget would misplace it."""
    swept = sweep(config(tiny_model, window=WindowConfig(answer_tokens=10, grace=0.5)), "m")
    run = answer_row(thinking_budget=32, token_ids=[1] * 39 + [min(swept.breaks)] + [1] * 20)
    assert counts(evaluation_row(run, swept=swept, model=str(tiny_model))) == (40, 14, 6, True)


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
        {"answer_tokens": {"mathematics": 3}},
        {"system_prompts": {"mathematics": "Be exact."}},
        {"benchmarks": [SourceConfig(kind="humaneval"), SourceConfig(kind="humaneval", limit=3)]},
    ],
)
def test_settings_that_cannot_work_are_refused(settings):
    """Two benchmarks of one name, an unknown hint, nothing to run, the same greedy answer counted twice."""
    with pytest.raises(UserError):
        config("m", **settings)
