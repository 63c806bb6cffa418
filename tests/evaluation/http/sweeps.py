"""Sweeps over a server for tests: settings, problems, and asking as the stage does."""

from pathlib import Path
from typing import Any

from z1ray.evaluation.config import EvaluateConfig
from z1ray.evaluation.endpoints import EndpointConfig
from z1ray.evaluation.http.answers import answer_over_http, prepare
from z1ray.problems.config import SourceConfig
from z1ray.records import Row, problem, read_rows
from z1ray.window import WindowConfig

NAME = "there"


def sweep(url: str, budgets: list[int], endpoint: dict[str, Any] | None = None, **settings: Any) -> EvaluateConfig:
    asked = EndpointConfig(**{"url": url, "model": "z1", "concurrency": 4, "retries": 5, **(endpoint or {})})
    given: dict[str, Any] = {
        "endpoints": {NAME: asked},
        "benchmarks": [SourceConfig(kind="jsonl", path="x", name="maths")],
        "budgets": budgets,
        "window": WindowConfig(answer_tokens=10),
        **settings,
    }
    return EvaluateConfig(**given)


def problems(*needed: int) -> dict[str, list[Row]]:
    """A problem for each number of words that it needs to be thought through."""
    tests = {"kind": "reference", "reference": "42"}
    return {
        "maths": [
            problem(problem_id=f"maths/{number}", source="maths", question=f"Think {words}", tests=tests)
            for number, words in enumerate(needed)
        ]
    }


def ask(config: EvaluateConfig, some: dict[str, list[Row]], folder: Path) -> dict[str, Row]:
    """The answered rows by id."""
    answer_over_http(config, prepare(config, NAME, some, folder, force=False), folder)
    return {row["row_id"]: row for row in read_rows(folder / "answers.parquet")}
