"""What the stage checks before it touches anything."""

import dataclasses
import time
from pathlib import Path
from typing import Any

import pytest

from z1ray import artifacts
from z1ray.engine.config import EngineConfig
from z1ray.engine.tokens import text_token_ids
from z1ray.errors import UserError
from z1ray.evaluation.config import EvaluateConfig
from z1ray.evaluation.evaluate import evaluate
from z1ray.problems.config import SourceConfig
from z1ray.records import read_rows
from z1ray.window import CODE_HINT, WindowConfig


@pytest.fixture
def config(tiny_model: Path, tmp_path: Path) -> EvaluateConfig:
    """One that names a file of problems that is not there."""
    nowhere = SourceConfig(kind="jsonl", path=str(tmp_path / "none.jsonl"), name="maths")
    return EvaluateConfig(models={"m": str(tiny_model)}, benchmarks=[nowhere], budgets=[4])


def test_force_clears_only_for_what_can_be_done(config: EvaluateConfig, tmp_path: Path) -> None:
    """A mistyped benchmark beside --force must not cost the rows that are there."""
    artifacts.begin(tmp_path / "evaluation", {"of": "a test"})
    artifacts.finish(tmp_path / "evaluation", time.time())
    with pytest.raises(UserError, match=r"none\.jsonl"):
        evaluate(config, tmp_path / "evaluation", force=True)
    assert (tmp_path / "evaluation" / artifacts.MANIFEST).exists()


def test_a_hint_for_no_benchmark_is_refused(config: EvaluateConfig) -> None:
    """Ignored, a mistyped label would leave its benchmark with the default hint."""
    with pytest.raises(UserError, match=r"evaluate\.hints\.math\b(.|\n)*maths"):
        dataclasses.replace(config, hints={"math": "math"})


def test_a_new_benchmark_brings_its_hint_and_an_old_one_keeps_its_own(config: EvaluateConfig, tmp_path: Path) -> None:
    """Rows answered under one hint must not stand beside others of the same benchmark under another."""
    artifacts.begin(tmp_path / "out", config)
    (tmp_path / "out" / "models").mkdir()
    both = [*config.benchmarks, dataclasses.replace(config.benchmarks[0], name="more")]
    with pytest.raises(UserError, match=r"hints\.maths: code -> math"):
        artifacts.begin(tmp_path / "out", dataclasses.replace(config, hints={"maths": "math"}))
    larger = dataclasses.replace(config, benchmarks=both, hints={"more": "math"}, parallelism=2)
    assert artifacts.begin(tmp_path / "out", larger)


@pytest.mark.parametrize(("budgets", "windows"), [([4], True), ([-1, 4], False), ([-1], False)])
def test_traces_enforce_a_budget_only_where_there_is_one(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budgets: list[int], windows: bool
) -> None:
    """Without the processor a budget would be ignored; without a budget it would only slow the engine down."""

    class Asked(Exception):
        pass

    def run_requests(*_: object, **settings: Any) -> None:
        assert settings["windows"] is windows
        raise Asked

    problems = tmp_path / "problems.jsonl"
    problems.write_text('{"problem_id": "a", "question": "1 + 1?", "tests": {"kind": "reference", "reference": "2"}}\n')
    source = SourceConfig(kind="jsonl", path=str(problems), name="maths")
    monkeypatch.setattr("z1ray.evaluation.answers.run_requests", run_requests)
    with pytest.raises(Asked):
        evaluate(EvaluateConfig(models={"m": str(tiny_model)}, benchmarks=[source], budgets=budgets), tmp_path / "out")


@pytest.mark.vllm
@pytest.mark.ray
def test_one_more_budget_branches_from_the_trace_and_nothing_is_asked_twice(
    tiny_model: Path, ray_cluster: None, tmp_path: Path
) -> None:
    """A curve gets a point more without paying for the others again; fewer of them would be another curve."""
    problems = tmp_path / "problems.jsonl"
    problems.write_text('{"problem_id": "a", "question": "1 + 1?", "tests": {"kind": "reference", "reference": "2"}}\n')
    small = EvaluateConfig(
        models={"m": str(tiny_model)},
        benchmarks=[SourceConfig(kind="jsonl", path=str(problems), name="maths")],
        budgets=[40],
        temperature=1.0,
        window=WindowConfig(answer_tokens=4),
        engine=EngineConfig(device="cpu", dtype="float32", max_model_len=512, max_num_seqs=4, enforce_eager=True),
    )
    output = tmp_path / "evaluation"
    assert evaluate(small, output)["num_rows"] == 1
    (trace,) = read_rows(output / "rows.parquet")
    larger = dataclasses.replace(small, budgets=[40, 6])
    with pytest.raises(UserError, match="context of 512"):
        evaluate(dataclasses.replace(small, budgets=[40, 600]), output)
    spent = evaluate(larger, output)
    rows = {row["row_id"]: row for row in read_rows(output / "rows.parquet")}
    branch = rows.pop("m#maths/a#6#0")
    assert rows == {trace["row_id"]: trace}
    assert (trace["cut"], branch["cut"], branch["thinking_tokens"]) == (True, True, 6)
    hint = text_token_ids(str(tiny_model), CODE_HINT)
    assert branch["text"][: branch["text"].index(CODE_HINT)] == trace["text"][: branch["text"].index(CODE_HINT)]
    assert spent["tokens_generated"] == 40 + len(hint) + trace["answer_tokens"] + branch["answer_tokens"]
    assert spent["tokens_of_separate_runs"] == spent["tokens_generated"] + 6 + len(hint)
    with pytest.raises(UserError, match=r"budgets: \[40, 6\] -> \[40\]"):
        evaluate(small, output)
