"""The stage checkpoints -> graded evaluation rows.

Writes, per model, its requests and answers (see ``answers``), per endpoint its answers (see ``http.answers``),
and ``rows.parquet`` with every graded row. The curve and the report are drawn from that; see ``report``.
``problems.arrow`` has the problems and ``verdicts`` what was found of each answer; see ``grade``.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from z1ray import artifacts
from z1ray.errors import UserError
from z1ray.evaluation.answers import Tokens, answer
from z1ray.evaluation.config import EvaluateConfig
from z1ray.evaluation.grade import grade
from z1ray.evaluation.http.answers import answer_over_http, prepare
from z1ray.evaluation.methods import names
from z1ray.evaluation.methods.marks import ending
from z1ray.evaluation.problems import FILE, are_edited, require_same_questions, write_problems
from z1ray.evaluation.requests import Question, Sweep, build_questions, sweep
from z1ray.evaluation.verdicts import Rules, check_digest
from z1ray.grading import packages
from z1ray.grading.config import SandboxConfig
from z1ray.models.lookup import require
from z1ray.problems.load import load_problems
from z1ray.records import Row


def evaluate(config: EvaluateConfig, output: Path, *, force: bool = False) -> dict[str, Any]:
    """Sweep every model over benchmarks and budgets, then grade; needs a running Ray.

    A run that was killed continues: answered requests are not asked again, nor graded answers graded. A finished
    one is graded anew where its limits, or tests that lie in files, are others now.

    Returns:
        The manifest: number of rows, of each verdict and of each sandbox, tokens generated and tokens that a run
        for each row would have generated, seconds per model.

    Raises:
        UserError: For a missing model, a benchmark problem without tests or too long for the context, an
            endpoint that cannot be asked, or a question that is not the one that was answered.
    """
    started = time.time()
    for name, model in config.models.items():
        require(f"evaluate.models.{name}", model)
    inputs = artifacts.exporters(config.models, "evaluate.models")
    if not force:
        artifacts.require_own(output, config, inputs)
        if artifacts.is_done(output, config) and not are_edited(config, output / FILE):
            return artifacts.manifest(output)
    # What cannot work is told now, before anything is cleared for it or the folder belongs to it.
    problems = _problems(config)
    rows = list(chain.from_iterable(problems.values()))
    if not force:
        require_same_questions(output / FILE, rows)
    asked = [_asked(config, name, problems) for name in config.models]
    models = output / "models"
    missing = [prepare(config, name, problems, models / name, force=force) for name in config.endpoints]
    artifacts.begin(output, config, inputs, force=force)
    # Edited tests alone leave the folder as it is.
    (output / artifacts.MANIFEST).unlink(missing_ok=True)
    write_problems(rows, output / FILE)
    work = {swept.model: partial(answer, config, swept, questions) for swept, questions in asked}
    work |= {each.name: partial(answer_over_http, config, each) for each in missing}
    spent = {name: _timed(answers, models / name) for name, answers in work.items()}
    graded = _grade(config, [swept for swept, _ in asked], rows, output)
    return artifacts.finish(
        output,
        started,
        **graded,
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


def _timed(answers: Callable[[Path], Tokens], folder: Path) -> tuple[float, Tokens]:
    started = time.time()
    tokens = answers(folder)
    return round(time.time() - started, 1), tokens


def _grade(config: EvaluateConfig, sweeps: list[Sweep], problems: list[Row], output: Path) -> dict[str, Any]:
    rules = Rules(
        problems=(output / FILE).absolute(),
        checks={row["problem_id"]: check_digest(row) for row in problems},
        hints=dict(_hints(config, sweeps)),
        sandbox=config.sandbox,
    )
    answers = [output / "models" / name / "answers.parquet" for name in config.names]
    return grade(answers, output, rules, config.parallelism)


def _hints(config: EvaluateConfig, sweeps: list[Sweep]) -> Iterator[tuple[tuple[str, str, str], str]]:
    """What ends thinking that is cut, by model or endpoint, benchmark and method."""
    for label, name in config.hints.items():
        hint = config.window.hint_text(name)
        for swept in sweeps:
            yield from (((swept.model, label, method), ending(method, hint, swept.marks)) for method in config.methods)
        for endpoint, asked in config.endpoints.items():
            methods = {names.WINDOW, names.UNCAPPED, asked.budget_field or names.UNCAPPED}
            yield from (((endpoint, label, method), hint) for method in methods)
