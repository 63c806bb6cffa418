"""One model's answers: traces first, then what branches from them.

In the model's folder, ``traces`` and ``branches`` hold the requests and rows of the two, and
``answers.parquet`` every answer of the sweep as a row of ``EVALUATION_ROW``. What was answered is not asked
again: neither after a kill, nor when budgets, samples or benchmarks were added.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from z1ray.engine.batch import answered_rows, run_requests, write_requests
from z1ray.evaluation.config import EvaluateConfig
from z1ray.evaluation.requests import (
    ANSWERED,
    REQUEST,
    Question,
    Sweep,
    Traces,
    branch_requests,
    evaluation_row,
    served,
    trace_requests,
    under_budget,
)
from z1ray.evaluation.traces import Trace
from z1ray.progress import watch
from z1ray.records import EVALUATION_ROW, Row, write_rows
from z1ray.window import NO_CAP


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the answers of a model cost.

    Attributes:
        generated: Tokens generated for all traces and branches.
        separately: Tokens that one run for each answer would have generated.
    """

    generated: int
    separately: int


def answer(config: EvaluateConfig, swept: Sweep, questions: Sequence[Question], folder: Path) -> Tokens:
    """Answer what a model was not asked yet, and write ``answers.parquet``."""
    known = answered_rows(folder / "traces" / "data", folder / "traces" / "done")
    wanted = trace_requests(config, swept, questions, _by_sample(known))
    # A trace without a cap needs no processor, and no branch does: its cut is made.
    traces = _ask(config, swept, wanted, folder / "traces", windows=NO_CAP not in config.budgets)
    wanted = branch_requests(config, swept, questions, _by_sample(traces))
    branches = _ask(config, swept, wanted, folder / "branches", windows=False)
    answers = _answers(config, swept, questions, traces, branches)
    write_rows(answers, folder / "answers.parquet", EVALUATION_ROW)
    generated = sum(row["num_generated"] for row in [*traces, *branches])
    return Tokens(generated, sum(len(row["token_ids"]) for row in answers))


def _ask(config: EvaluateConfig, swept: Sweep, wanted: list[Row], folder: Path, *, windows: bool) -> list[Row]:
    """All rows of a phase, once those of ``wanted`` that have none are answered."""
    rows = answered_rows(folder / "data", folder / "done")
    there = {row["row_id"] for row in rows}
    missing = [row for row in wanted if row["row_id"] not in there]
    if not missing:
        return rows
    write_requests(missing, folder / "requests.parquet", REQUEST)
    model = config.models[swept.model]
    with watch(f"evaluate {swept.model}, {folder.name}", folder / "data", len(rows) + len(missing)):
        run_requests(
            [folder / "requests.parquet"],
            folder / "data",
            folder / "done",
            model=model,
            engine=config.engine,
            id_column="row_id",
            schema=ANSWERED,
            batch_size=config.batch_size,
            rows_per_file=config.batch_size,
            to_row=partial(evaluation_row, swept=swept, model=model),
            windows=windows,
        )
    rows = answered_rows(folder / "data", folder / "done")
    expected = there | {row["row_id"] for row in missing}
    assert sorted(row["row_id"] for row in rows) == sorted(expected), "a request was lost or answered twice"
    return rows


def _by_sample(rows: Sequence[Row]) -> Traces:
    traces: dict[tuple[str, int], list[Trace]] = {}
    for row in rows:
        trace = Trace(row["thinking_budget"], tuple(row["token_ids"]), row["cut"])
        traces.setdefault((row["problem_id"], row["sample"]), []).append(trace)
    return traces


def _answers(
    config: EvaluateConfig, swept: Sweep, questions: Sequence[Question], traces: list[Row], branches: list[Row]
) -> list[Row]:
    """Every answer of the sweep once: a branch, or its trace under the answer's own budget."""
    by_id = {row["row_id"]: row for row in [*traces, *branches]}
    return [
        by_id.get(swept.row_id(question.problem_id, budget, sample))
        or under_budget(by_id[swept.row_id(question.problem_id, trace.budget, sample)], swept, budget)
        for question, sample, budget, trace in served(config, questions, _by_sample(traces))
    ]
