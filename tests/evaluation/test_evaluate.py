"""What the stage checks before it touches anything."""

import dataclasses
import time
from pathlib import Path

import pytest

from z1ray import artifacts
from z1ray.errors import UserError
from z1ray.evaluation.config import EvaluateConfig
from z1ray.evaluation.evaluate import evaluate
from z1ray.problems.config import SourceConfig


@pytest.fixture
def config(smollm2: Path, tmp_path: Path) -> EvaluateConfig:
    """One that names a file of problems that is not there."""
    nowhere = SourceConfig(kind="jsonl", path=str(tmp_path / "none.jsonl"), name="maths")
    return EvaluateConfig(models={"m": str(smollm2)}, benchmarks=[nowhere], budgets=[4])


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
