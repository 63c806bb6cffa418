"""What the stage checks before it touches anything."""

import dataclasses
import time
from pathlib import Path
from typing import Any

import pytest

from z1ray import artifacts
from z1ray.engine.batch import answered_rows
from z1ray.engine.config import EngineConfig
from z1ray.engine.tokens import text_token_ids
from z1ray.errors import UserError
from z1ray.evaluation.config import EvaluateConfig
from z1ray.evaluation.curve import curve
from z1ray.evaluation.evaluate import evaluate
from z1ray.evaluation.methods import names
from z1ray.grading.config import SandboxConfig
from z1ray.problems.config import SourceConfig
from z1ray.records import Row, read_rows
from z1ray.window import CODE_HINT, WindowConfig

MATHS = SourceConfig(kind="jsonl", path="none.jsonl", name="maths")


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


@pytest.mark.parametrize(
    ("change", "work"),
    [
        ({"budgets": [4, 8]}, True),
        ({"samples": 2}, True),
        ({"models": {"m": "tiny", "other": "tiny"}}, True),
        ({"benchmarks": [MATHS, dataclasses.replace(MATHS, name="more")]}, True),
        ({"sandbox": SandboxConfig(timeout_s=99)}, True),
        ({"sandbox": SandboxConfig(timeout_s=1, memory_mib=64, packages=["numpy"])}, True),
        ({"sandbox": SandboxConfig(require=False)}, False),
        ({"confidence": 0.9, "parallelism": 2, "batch_size": 2}, False),
        ({"temperature": 0.5}, None),
        ({"window": WindowConfig(answer_tokens=5)}, None),
    ],
)
def test_what_a_change_means_for_what_is_there(change: dict[str, Any], work: bool | None, tmp_path: Path) -> None:
    """More of it and other limits are work on the same folder; other sampling is another curve (None)."""
    config = EvaluateConfig(models={"m": "tiny"}, benchmarks=[MATHS], budgets=[4], temperature=0.7)
    artifacts.begin(tmp_path, config)
    (tmp_path / "models").mkdir()
    artifacts.finish(tmp_path, time.time())
    changed = dataclasses.replace(config, **change)
    if work is None:
        with pytest.raises(UserError, match="other settings"):
            artifacts.begin(tmp_path, changed)
        return
    assert artifacts.is_done(tmp_path, changed) is not work
    assert artifacts.begin(tmp_path, changed) is work
    assert (tmp_path / "models").exists()


def written(row: Row) -> int:
    """How much is written of an answered request's turn."""
    return len(row["trace"])


@pytest.mark.vllm
@pytest.mark.ray
def test_one_more_budget_branches_from_the_trace_and_nothing_is_asked_twice(
    tagged_model: Path, ray_cluster: None, tmp_path: Path
) -> None:
    """A curve gets a point more without paying for the others again; fewer of them would be another curve."""
    problems = tmp_path / "problems.jsonl"
    problems.write_text('{"problem_id": "a", "question": "1 + 1?", "tests": {"kind": "reference", "reference": "2"}}\n')
    small = EvaluateConfig(
        models={"m": str(tagged_model)},
        benchmarks=[SourceConfig(kind="jsonl", path=str(problems), name="maths")],
        budgets=[40],
        temperature=1.0,
        window=WindowConfig(answer_tokens=4),
        engine=EngineConfig(device="cpu", dtype="float32", max_model_len=512, max_num_seqs=4, enforce_eager=True),
    )
    output = tmp_path / "evaluation"
    assert evaluate(small, output)["num_rows"] == 1
    (trace,) = read_rows(output / "rows.parquet")
    methods = list(names.METHODS)
    larger = dataclasses.replace(small, budgets=[40, 6], methods=methods)
    with pytest.raises(UserError, match="context of 512"):
        evaluate(dataclasses.replace(small, budgets=[40, 600]), output)
    spent = evaluate(larger, output)
    rows = {row["row_id"]: row for row in read_rows(output / "rows.parquet")}
    assert rows[trace["row_id"]] == trace
    branch = rows["m#maths/a#6#0"]
    assert (trace["cut"], branch["cut"], branch["thinking_tokens"]) == (True, True, 6)
    hint = text_token_ids(str(tagged_model), CODE_HINT)
    assert branch["text"][: branch["text"].index(CODE_HINT)] == trace["text"][: branch["text"].index(CODE_HINT)]
    first, second = sorted(answered_rows(output / "models/m/data", output / "models/m/done"), key=written)
    assert second["trace"][:40] == first["trace"]
    assert not {row["row_id"] for row in first["answers"]} & {row["row_id"] for row in second["answers"]}
    assert spent["tokens_generated"] == first["num_generated"] + second["num_generated"]
    assert first["num_generated"] == 40 + trace["answer_tokens"]
    capped = rows[f"m#maths/a#{names.TAG_CAPPED}#6#0"]
    assert capped["text"].startswith(branch["text"][: branch["text"].index(CODE_HINT)] + "\n</think>\n\n")
    # The random model ends no turn: what has no cap fills the context, and its thinking needs no Wait.
    answers = [row for row in second["answers"] if row["cut"]]
    assert second["num_generated"] == len(second["trace"]) - 40 + sum(row["answer_tokens"] for row in answers)
    points = {(point.method, point.thinking_budget): point for point in curve(rows.values(), 0.95)}
    swept = {(method, budget) for method in methods if method != names.UNCAPPED for budget in (40, 6)}
    assert points.keys() == swept | {(names.UNCAPPED, -1)}
    limits = {budget: budget + len(hint) + 4 for budget in (40, 6)}
    for (method, budget), point in points.items():
        most = {names.UNCAPPED: 512, names.MAJORITY: limits.get(budget, 0)}.get(method, budget)
        assert point.mean_thinking_tokens <= most, method
    _only_graded_again(larger, problems, output, len(rows))
    with pytest.raises(UserError, match=r"budgets: \[40, 6\] -> \[40\]"):
        evaluate(small, output)


def _only_graded_again(config: EvaluateConfig, problems: Path, output: Path, num_rows: int) -> None:
    """Other limits or tests judge the answers that are there; a confidence judges nothing."""

    def answers() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in output.glob("models/m/**/*.parquet") if "data" in path.parts[-2:-1]}

    def keys() -> list[int]:
        return sorted(len(read_rows(folder)) for folder in (output / "verdicts").iterdir())

    before, (number,) = answers(), keys()
    assert before
    config = dataclasses.replace(config, sandbox=SandboxConfig(timeout_s=9))
    assert sum(evaluate(config, output)["verdicts"].values()) == num_rows
    assert keys() == [number, number]
    problems.write_text(problems.read_text().replace('"reference": "2"', '"reference": "yes"'))
    assert sum(evaluate(config, output)["verdicts"].values()) == num_rows
    assert keys() == [number, 2 * number]
    assert answers() == before
    done = (output / artifacts.MANIFEST).stat().st_mtime_ns
    evaluate(dataclasses.replace(config, confidence=0.5), output)
    assert (output / artifacts.MANIFEST).stat().st_mtime_ns == done
