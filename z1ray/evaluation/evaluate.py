"""The stage checkpoints -> graded evaluation rows.

Writes, per model, its requests and answers, and ``rows.parquet`` with every
graded row. The curve and the report are drawn from that; see ``report``.
"""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from z1ray import artifacts
from z1ray.engine.batch import num_answered, run_requests, write_requests
from z1ray.errors import UserError
from z1ray.evaluation.config import EvaluateConfig
from z1ray.evaluation.grade import grade_rows
from z1ray.evaluation.requests import REQUEST, Sweep, build_requests, evaluation_row, sweep
from z1ray.models.lookup import require
from z1ray.problems.load import load_problems
from z1ray.progress import say, watch
from z1ray.records import EVALUATION_ROW, Row, read_rows, write_rows
from z1ray.window import NO_CAP


def evaluate(config: EvaluateConfig, output: Path, *, force: bool = False) -> dict[str, Any]:
    """Sweep every model over benchmarks and budgets, then grade; needs a running Ray.

    A run that was killed continues: answered requests are not asked again.

    Returns:
        The manifest: number of rows, seconds per model.

    Raises:
        UserError: For a missing model, or a benchmark problem without tests or
            too long for the context.
    """
    started = time.time()
    for name, model in config.models.items():
        require(f"evaluate.models.{name}", model)
    inputs = artifacts.exporters(config.models, "evaluate.models")
    if not force:
        artifacts.require_own(output, config, inputs)
        if artifacts.is_done(output, config):
            return artifacts.manifest(output)
    # What cannot work is told now, before anything is cleared for it or the folder belongs to it.
    problems = _problems(config)
    sweeps = {name: _asked(config, name, problems) for name in config.models}
    artifacts.begin(output, config, inputs, force=force)
    seconds = {name: _answer(config, asked, output / "models" / name) for name, asked in sweeps.items()}
    rows = _grade(config, problems, output)
    write_rows(rows, output / "rows.parquet", EVALUATION_ROW)
    return artifacts.finish(output, started, num_rows=len(rows), seconds_per_model=seconds)


def _problems(config: EvaluateConfig) -> dict[str, list[Row]]:
    """Those of each benchmark."""
    return {source.label: _with_tests(source.label, load_problems([source])) for source in config.benchmarks}


def _with_tests(benchmark: str, problems: list[Row]) -> list[Row]:
    for problem in problems:
        if problem["tests"] is None:
            raise UserError(
                f"problem {problem['problem_id']!r}: tests",
                None,
                f"benchmark {benchmark!r} cannot be graded without them",
                "give the row `tests`, or use the source for training only",
            )
    return problems


@dataclass(frozen=True, slots=True)
class _Asked:
    """One model's windows and requests."""

    swept: Sweep
    rows: list[Row]


def _asked(config: EvaluateConfig, name: str, problems: dict[str, list[Row]]) -> _Asked:
    swept = sweep(config, name)
    return _Asked(
        swept, [row for label, some in problems.items() for row in build_requests(config, swept, label, some)]
    )


def _answer(config: EvaluateConfig, asked: _Asked, folder: Path) -> float:
    """Answer what a model was not asked yet; seconds taken."""
    started = time.time()
    name, rows = asked.swept.model, asked.rows
    requests = folder / "requests.parquet"
    write_requests(rows, requests, REQUEST)
    if num_answered(folder / "done") < len(rows):
        with watch(f"evaluate {name}", folder / "data", len(rows)):
            run_requests(
                [requests],
                folder / "data",
                folder / "done",
                model=config.models[name],
                engine=config.engine,
                id_column="row_id",
                schema=EVALUATION_ROW,
                batch_size=config.batch_size,
                rows_per_file=config.batch_size,
                to_row=partial(evaluation_row, swept=asked.swept),
                windows=any(budget != NO_CAP for budget in config.budgets),
            )
    answered = [row["row_id"] for row in read_rows(folder / "data")]
    assert sorted(answered) == sorted(row["row_id"] for row in rows), "a request was lost or answered twice"
    return round(time.time() - started, 1)


def _grade(config: EvaluateConfig, problems: dict[str, list[Row]], output: Path) -> list[Row]:
    by_id = {problem["problem_id"]: problem for some in problems.values() for problem in some}
    hints = {source.label: config.window.hint_text(config.hints.get(source.label)) for source in config.benchmarks}
    graded: list[Row] = []
    for name in config.models:
        say(f"grading {name}")
        graded += grade_rows(output / "models" / name / "data", by_id, hints, config.sandbox, config.parallelism)
    return graded
