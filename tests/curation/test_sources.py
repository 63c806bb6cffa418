"""Curation of a part of the trajectories, by their problems' sources."""

from pathlib import Path

import pytest

from tests.curation.made import HUMANEVAL
from z1ray.curation.benchmark import Index
from z1ray.curation.clean import clean
from z1ray.curation.config import CurateConfig
from z1ray.curation.ids import order_ids
from z1ray.curation.layout import Layout, Shared
from z1ray.curation.problems import prepare_problems
from z1ray.curation.report import require_sources
from z1ray.curation.rows import REASONS, read_numbers
from z1ray.curation.text.sketch import bands_for
from z1ray.curation.units import plan_units
from z1ray.errors import UserError
from z1ray.problems.load import load_problems
from z1ray.records import PROBLEM, TRAJECTORY, problem, trajectory_id, write_rows

TOKENIZER = Path(__file__).parents[2] / "z1ray" / "models" / "Z1-Miniature-Base"
# Trajectory of a source's one problem: its error, and what becomes of it where only code is used.
ROWS = [("code", None, None), ("sums", None, "other_source"), ("sums", "too long", "other_source")]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder of three trajectories to problems of two sources."""
    problems = [
        problem(problem_id=f"{name}/1", source=name, question=f"What about {name}?") for name in ("code", "sums")
    ]
    blank = {**dict.fromkeys(TRAJECTORY.names), "num_tokens": 1, "finish_reason": "stop", "mode": "short"}
    rows = [
        {
            **blank,
            "trajectory_id": trajectory_id(f"{name}/1", "short", number),
            "problem_id": f"{name}/1",
            "sample": number,
            "text": f"Answer: {number}",
            "error": error,
        }
        for number, (name, error, _) in enumerate(ROWS)
    ]
    write_rows(problems, tmp_path / "problems.parquet", PROBLEM)
    write_rows(rows, tmp_path / "data" / "0.parquet", TRAJECTORY)
    return tmp_path


def make_config(source: Path, *names: str) -> CurateConfig:
    return CurateConfig(trajectories=str(source), tokenizer=str(TOKENIZER), benchmarks=[HUMANEVAL], sources=list(names))


def reasons(source: Path, config: CurateConfig) -> list[str | None]:
    """What the row-wise phases make of the rows."""
    shared = Shared(
        layout=Layout(source / "dataset"),
        config=config,
        index=Index(load_problems(config.benchmarks), config.contamination_ngram, config.contamination_common, ()),
        question_bands=bands_for(config.question_similarity),
        response_bands=bands_for(config.duplicate_similarity),
    )
    prepare_problems(plan_units([source / "problems.parquet"])[0], shared)
    units = plan_units([source / "data" / "0.parquet"])
    order_ids(units, shared.layout)
    clean(units[0], shared)
    return [REASONS[code] for code in read_numbers(shared.layout).reason]


def test_rows_of_other_sources_are_dropped_before_anything_else(source):
    """They are neither verified nor compared, so what is left is what those sources alone would have given."""
    assert reasons(source, make_config(source, "code")) == [reason for _, _, reason in ROWS]


def test_without_names_all_sources_are_used(source):
    assert reasons(source, make_config(source)) == [None, None, "failed"]


def test_a_source_that_is_not_there_is_told_before_anything_runs(source):
    """A misspelt name would train on nothing, or on half."""
    with pytest.raises(UserError, match="code, sums"):
        require_sources(make_config(source, "code", "soms"), source / "problems.parquet")
    require_sources(make_config(source, "sums"), source / "problems.parquet")
