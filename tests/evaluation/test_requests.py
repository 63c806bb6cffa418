"""A budget sweep asks everything once, within the context, under the right window."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from z1ray.engine.config import EngineConfig
from z1ray.engine.tokens import end_token_ids, tokenizer
from z1ray.errors import UserError
from z1ray.evaluation.config import EvaluateConfig
from z1ray.evaluation.evaluate import gradable
from z1ray.evaluation.requests import Question, Sweep, answer_ids, build_questions, requests, sweep
from z1ray.grading.config import SandboxConfig
from z1ray.problems.config import SourceConfig
from z1ray.records import Row, problem
from z1ray.window import WindowConfig

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


def test_each_question_and_sample_is_one_request(asked: Asked) -> None:
    """It asks for all budgets, largest first, with the question's prompt."""
    rows = list(requests(*asked, answered=(), states={}))
    assert [(row["problem_id"], row["sample"]) for row in rows] == [(f"x/{i}", s) for i in range(3) for s in range(2)]
    assert all((row["budgets"], len(row["trace"])) == ([32, 4, 0], 0) for row in rows)
    assert all(json.loads(row["sampling"]) == {"temperature": 0.7, "top_p": 1.0} for row in rows)
    assert len({row["request_id"] for row in rows}) == len(rows)
    prompts = {question.problem_id: question.prompt for question in asked[2]}
    assert all(row["tokenized_prompt"] == prompts[row["problem_id"]] for row in rows)


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


def test_more_budgets_and_samples_ask_only_what_is_missing(asked: Asked) -> None:
    """With the trace that is there, and under an id that no answered request has."""
    settings, swept, questions = asked
    there = set(answer_ids(*asked))
    first = list(requests(*asked, answered=(), states={}))
    assert list(requests(*asked, answered=there, states={})) == []
    more = replace(settings, budgets=[4, 0, 32, 16, 64], samples=3)
    extended = extended_to(more, questions)
    rows = list(requests(*extended, answered=there, states={("x/1", 0): {"trace": [5, 6], "waited": (), "draws": ()}}))
    assert [row["budgets"] for row in rows] == [[64, 16], [64, 16], [64, 32, 16, 4, 0]] * 3
    assert [(row["request_id"], row["trace"]) for row in rows if row["trace"]] == [("m#x/1#64#0", [5, 6])]
    assert not {row["request_id"] for row in rows} & {row["request_id"] for row in first}
    assert set(answer_ids(*extended)) - there == {
        swept.row_id(row["problem_id"], budget, row["sample"]) for row in rows for budget in row["budgets"]
    }


def extended_to(settings: EvaluateConfig, questions: list[Question]) -> Asked:
    return settings, sweep(settings, "m"), questions


def test_each_method_asks_at_its_own_budgets(tiny_model: Path, problems: list[Row]) -> None:
    """Only the window and the uncapped run have a point without a cap, and a problem votes once."""
    methods = ["shifted_thinking_window", "two_pass", "uncapped", "majority"]
    settings = config(tiny_model, budgets=[4, -1, 8], samples=2, temperature=0.7, methods=methods)
    extended = extended_to(settings, build_questions(settings, sweep(settings, "m"), "maths", problems[:1]))
    rows = list(requests(*extended, answered=(), states={}))
    asked = [list(zip(row["methods"], row["budgets"], strict=True)) for row in rows]
    both = [*[(methods[0], budget) for budget in (-1, 8, 4)], (methods[1], 8), (methods[1], 4), (methods[2], -1)]
    assert asked == [[*both, (methods[3], 8), (methods[3], 4)], both]
    ids = list(answer_ids(*extended))
    assert len(set(ids)) == len(ids) == 14
    assert ids[:4] == ["m#x/0#-1#0", "m#x/0#8#0", "m#x/0#4#0", "m#x/0#two_pass#8#0"]


def test_a_method_more_asks_for_its_answers_only(tiny_model: Path, problems: list[Row]) -> None:
    """What is there keeps its ids."""
    settings = config(tiny_model, budgets=[4])
    questions = build_questions(settings, sweep(settings, "m"), "maths", problems[:1])
    there = set(answer_ids(*extended_to(settings, questions)))
    more = replace(settings, methods=["shifted_thinking_window", "budget_forcing_wait"])
    (row,) = requests(*extended_to(more, questions), answered=there, states={})
    assert (row["request_id"], row["methods"]) == ("m#x/0#budget_forcing_wait#4#0", ["budget_forcing_wait"])


def test_a_model_without_tags_cannot_be_cut_by_one(tiny_model: Path) -> None:
    """It would be asked something that no such model has seen."""
    with pytest.raises(UserError, match=r"tag_capped(.|\n)*</think>"):
        sweep(config(tiny_model, methods=["tag_capped"]), "m")


def test_an_unknown_method_is_told_the_known_ones() -> None:
    """By name."""
    with pytest.raises(UserError, match=r"budget_forcng(.|\n)*budget_forcing_wait"):
        config("m", methods=["budget_forcng"])


def test_the_sweep_knows_what_ends_a_turn(tiny_model: Path) -> None:
    """The trace that ends there is nobody's to cut."""
    assert sweep(config(tiny_model), "m").ends == end_token_ids(str(tiny_model))


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


def test_a_problem_whose_libraries_are_missing_is_refused_before_it_is_asked():
    tests = {"kind": "unittest", "cases": ["class TestCases: ..."]}
    needy = problem(
        problem_id="b/1", source="b", question="?", tests=tests, metadata={"libraries": ["no_such_library"]}
    )
    with pytest.raises(UserError, match=r"sandbox\.packages[\s\S]*'b/1' needs no_such_library"):
        gradable("b", [needy], SandboxConfig())


@pytest.mark.parametrize(
    "settings",
    [
        {"budgets": [-2]},
        {"budgets": [16, 16]},
        {"models": {}},
        {"samples": 0},
        {"samples": 2},
        {"confidence": 1.0},
        {"methods": []},
        {"methods": ["two_pass", "two_pass"]},
        {"methods": ["majority"]},
        {"methods": ["budget_forcing"], "budgets": [-1]},
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
