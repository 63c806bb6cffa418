"""The stage checkpoints -> graded evaluation rows.

Writes, per model, its requests and answers (see ``answers``), and ``rows.parquet`` with every
graded row. The curve and the report are drawn from that; see ``report``.
"""

import time
from itertools import chain
from pathlib import Path
from typing import Any

from z1ray import artifacts
from z1ray.errors import UserError
from z1ray.evaluation.answers import Tokens, answer
from z1ray.evaluation.config import EvaluateConfig
from z1ray.evaluation.grade import grade_rows
from z1ray.evaluation.requests import Question, Sweep, build_questions, sweep
from z1ray.grading import packages
from z1ray.grading.config import SandboxConfig
from z1ray.models.lookup import require
from z1ray.problems.load import load_problems
from z1ray.progress import say
from z1ray.records import EVALUATION_ROW, Row, write_rows


def evaluate(config: EvaluateConfig, output: Path, *, force: bool = False) -> dict[str, Any]:
    """Sweep every model over benchmarks and budgets, then grade; needs a running Ray.

    A run that was killed continues: answered requests are not asked again.

    Returns:
        The manifest: number of rows, tokens generated and tokens that a run for each row would have
        generated, seconds per model.

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
    asked = [_asked(config, name, problems) for name in config.models]
    artifacts.begin(output, config, inputs, force=force)
    spent = {swept.model: _answer(config, swept, questions, output) for swept, questions in asked}
    rows = _grade(config, problems, output)
    write_rows(rows, output / "rows.parquet", EVALUATION_ROW)
    return artifacts.finish(
        output,
        started,
        num_rows=len(rows),
        tokens_generated=sum(tokens.generated for _, tokens in spent.values()),
        tokens_of_separate_runs=sum(tokens.separately for _, tokens in spent.values()),
        seconds_per_model={name: seconds for name, (seconds, _) in spent.items()},
    )


def _problems(config: EvaluateConfig) -> dict[str, list[Row]]:
    """Those of each benchmark."""
    return {
        source.label: gradable(source.label, load_problems([source]), config.sandbox) for source in config.benchmarks
    }


def gradable(benchmark: str, problems: list[Row], sandbox: SandboxConfig) -> list[Row]:
    """Refuse what could not be graded once it is answered."""
    for problem in problems:
        packages.require(problem, sandbox)
        if problem["tests"] is None:
            raise UserError(
                f"problem {problem['problem_id']!r}: tests",
                None,
                f"benchmark {benchmark!r} cannot be graded without them",
                "give the row `tests`, or use the source for training only",
            )
    return problems


def _asked(config: EvaluateConfig, name: str, problems: dict[str, list[Row]]) -> tuple[Sweep, list[Question]]:
    """One model's windows and questions."""
    swept = sweep(config, name)
    questions = [build_questions(config, swept, label, some) for label, some in problems.items()]
    return swept, list(chain.from_iterable(questions))


def _answer(config: EvaluateConfig, swept: Sweep, questions: list[Question], output: Path) -> tuple[float, Tokens]:
    started = time.time()
    tokens = answer(config, swept, questions, output / "models" / swept.model)
    return round(time.time() - started, 1), tokens


def _grade(config: EvaluateConfig, problems: dict[str, list[Row]], output: Path) -> list[Row]:
    by_id = {problem["problem_id"]: problem for some in problems.values() for problem in some}
    hints = {source.label: config.window.hint_text(config.hints[source.label]) for source in config.benchmarks}
    graded: list[Row] = []
    for name in config.models:
        say(f"grading {name}")
        graded += grade_rows(
            output / "models" / name / "answers.parquet", by_id, hints, config.sandbox, config.parallelism
        )
    return graded
