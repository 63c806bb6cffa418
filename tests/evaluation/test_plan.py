"""What an evaluation will cost is told before it starts, as an upper bound and as what to expect."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.evaluation.rows import graded
from z1ray.engine.config import EngineConfig
from z1ray.errors import UserError
from z1ray.evaluation.config import EvaluateConfig
from z1ray.evaluation.methods.names import WINDOW
from z1ray.evaluation.plan import limits, make_plan, tell_cost
from z1ray.evaluation.shares import Shares, measured_shares
from z1ray.problems.config import SourceConfig
from z1ray.records import EVALUATION_ROW, write_rows
from z1ray.window import WindowConfig

ROOT = Path(__file__).parents[2]
HINT = "Answer:"


@pytest.fixture
def config() -> EvaluateConfig:
    """Two models at three budgets with two samples, on four engines of two GPUs."""
    return EvaluateConfig(
        models={"m": "nowhere", "n": "nowhere"},
        benchmarks=[SourceConfig(kind="humaneval", limit=5, name="b"), SourceConfig(kind="humaneval", name="long")],
        answer_tokens={"long": 100},
        budgets=[8, 16, 32],
        samples=2,
        temperature=1.0,
        window=WindowConfig(answer_tokens=10, hints={"code": HINT}),
        engine=EngineConfig(replicas=4, tensor_parallel_size=2, max_model_len=500),
    )


def test_the_bound_is_one_trace_at_the_largest_budget_and_an_answer_for_each_other(config: EvaluateConfig) -> None:
    """Counted per question and sample of each model; no model is needed to know it."""
    plan = make_plan(config, {"b": 5, "long": 1}, None, 100.0)
    assert (plan.num_traces, plan.num_answers, plan.most.num_branches) == (24, 72, 48)
    trace, long = 32 + len(HINT) + 10, 32 + len(HINT) + 100
    assert plan.most.tokens == 20 * (trace + 2 * 10) + 4 * (long + 2 * 100)
    assert plan.most.engine_hours is not None
    assert plan.most.engine_hours == pytest.approx(plan.most.tokens / 100 / 3600)
    assert plan.most.gpu_hours == pytest.approx(2 * plan.most.engine_hours)
    assert plan.most.hours == pytest.approx(plan.most.engine_hours / 4)
    assert plan.expected is None


def test_without_a_cap_a_run_may_fill_the_context(config: EvaluateConfig) -> None:
    """And no speed tells no hours; an engine on CPU takes no GPU."""
    plan = make_plan(replace(config, budgets=[-1, 8]), {"b": 1, "long": 0}, None, None)
    assert plan.most.tokens == 4 * (500 + 10)
    assert (plan.most.engine_hours, plan.most.gpu_hours, plan.most.hours) == (None, None, None)
    on_cpu = replace(config, engine=EngineConfig(device="cpu"))
    assert make_plan(on_cpu, {"b": 1, "long": 0}, None, 1.0).most.gpu_hours == 0


def test_what_to_expect_is_a_part_of_each_bound(config: EvaluateConfig) -> None:
    """A model that ends early writes shorter traces, and fewer answers of its own."""
    shares = Shares(trace=0.5, branches=0.25, branch=0.1, source="a test")
    plan = make_plan(config, {"b": 5, "long": 0}, shares, None)
    assert plan.expected is not None
    assert plan.expected.num_branches == 10
    assert plan.expected.tokens == round(20 * 0.5 * (32 + len(HINT) + 10) + 10 * 0.1 * 10)
    assert plan.expected.disk_bytes < plan.most.disk_bytes


def test_answers_that_are_there_tell_what_to_expect(config: EvaluateConfig, tmp_path: Path) -> None:
    """Those of the same models, benchmarks and budgets; with the numbers of a finished sweep its cost comes out."""
    rows = [
        graded(thinking_budget=32, thinking_tokens=32, hint_tokens=2, answer_tokens=6),
        graded(thinking_budget=32, thinking_tokens=10, hint_tokens=0, answer_tokens=0, cut=False, problem_id="q"),
        graded(thinking_budget=8, thinking_tokens=8, answer_tokens=4),
        graded(thinking_budget=8, thinking_tokens=8, answer_tokens=2, problem_id="q"),
        graded(thinking_budget=16, thinking_tokens=16, answer_tokens=3),
        graded(thinking_budget=16, thinking_tokens=10, hint_tokens=0, answer_tokens=0, cut=False, problem_id="q"),
        graded(thinking_budget=64, thinking_tokens=999, benchmark="b"),
        graded(thinking_budget=32, thinking_tokens=999, model="other"),
    ]
    write_rows(
        [row | {"method": WINDOW} for row in rows], tmp_path / "models" / "m" / "answers.parquet", EVALUATION_ROW
    )
    found = measured_shares(config, limits(config), tmp_path)
    assert found is not None
    assert (found.trace, found.branches, found.branch) == pytest.approx((50 / 98, 3 / 4, 9 / 30))
    small = replace(config, models={"m": "nowhere"}, samples=1)
    plan = make_plan(small, {"b": 2, "long": 0}, found, None)
    assert plan.expected is not None
    assert (plan.expected.num_branches, plan.expected.tokens) == (3, 50 + 9)
    assert measured_shares(config, limits(config), tmp_path / "none") is None


@pytest.mark.parametrize(("share", "speed"), [(0.0, None), (1.5, None), (None, 0.0)])
def test_what_cannot_be_is_refused(config: EvaluateConfig, share: float | None, speed: float | None) -> None:
    """A share in percent would plan a hundred times too much."""
    with pytest.raises(UserError, match=r"--share|--tokens-per-second"):
        tell_cost(config, "none", share, speed)


def test_the_launcher_tells_it_in_lines_and_in_json() -> None:
    """On any machine, without a cluster and without the models."""
    words = ["--stage", "evaluate", "--share", "0.5", "--tokens-per-second", "1000", "--json", "name=planned"]
    done = subprocess.run(
        [sys.executable, "jobs/plan.py", "--config", "conf/miniature.yaml", *words],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    plan = json.loads(done.stdout)
    assert plan["num_problems"] == {"programs-easy": 200, "programs-hard": 200, "sums-easy": 40, "sums-hard": 200}
    assert (plan["num_models"], plan["num_answers"]) == (3, 3 * 640 * 6)
    assert plan["expected"]["tokens"] < plan["most"]["tokens"]
    for part in ("at most:", "expected:", "engine-hours", "of disk", "as stated"):
        assert part in done.stderr
