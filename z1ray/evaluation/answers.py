"""One model's answers: traces first, then what branches from them.

In the model's folder, ``traces`` and ``branches`` hold the requests and rows of the two, and
``answers.parquet`` every answer of the sweep as a row of ``EVALUATION_ROW``. What was answered is not asked
again: neither after a kill, nor when budgets, samples or benchmarks were added.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
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
from z1ray.evaluation.statistics.lines import generated_tokens
from z1ray.evaluation.traces import Trace
from z1ray.files import remove
from z1ray.progress import watch
from z1ray.records import EVALUATION_ROW, Row, write_rows
from z1ray.window import NO_CAP

_ROWS_PER_PART = 4096


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
    there = _rows(folder / "traces")
    wanted = trace_requests(config, swept, questions, _by_sample(there))
    # A trace without a cap needs no processor, and no branch does: its cut is made.
    runs = ask(config, swept, wanted, there, folder / "traces", windows=NO_CAP not in config.budgets)
    traces = _by_sample(runs)
    branching = branch_requests(config, swept, questions, traces)
    branches = ask(config, swept, branching, _rows(folder / "branches"), folder / "branches", windows=False)
    answers = _answers(config, swept, questions, traces, [*runs, *branches])
    write_rows(answers, folder / "answers.parquet", EVALUATION_ROW)
    return Tokens(sum(row["num_generated"] for row in [*runs, *branches]), sum(map(generated_tokens, answers)))


def ask(
    config: EvaluateConfig, swept: Sweep, wanted: Iterable[Row], rows: list[Row], folder: Path, *, windows: bool
) -> list[Row]:
    """All rows of a phase, once those of ``wanted`` that have none are answered.

    Args:
        config: Engine and batch size.
        swept: The model's sweep.
        wanted: Requests.
        rows: What is answered already in ``folder``.
        folder: Where the phase writes.
        windows: Whether the engine enforces budgets.
    """
    there = {row["row_id"] for row in rows}
    parts, missing = _write_parts((row for row in wanted if row["row_id"] not in there), folder / "requests")
    if not missing:
        return rows
    model = config.models[swept.model]
    with watch(f"evaluate {swept.model}, {folder.name}", folder / "data", len(rows) + len(missing)):
        run_requests(
            parts,
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
    rows = _rows(folder)
    expected = [*there, *missing]
    assert sorted(row["row_id"] for row in rows) == sorted(expected), "a request was lost or answered twice"
    return rows


def _write_parts(rows: Iterator[Row], folder: Path) -> tuple[list[Path], list[str]]:
    """Write requests part by part, since each branch holds its thinking; the parts in order, and the ids."""
    remove(folder)
    parts: list[Path] = []
    ids: list[str] = []
    while part := list(islice(rows, _ROWS_PER_PART)):
        parts.append(folder / f"{len(parts):05d}.parquet")
        write_requests(part, parts[-1], REQUEST)
        ids += [row["row_id"] for row in part]
    return parts, ids


def _rows(folder: Path) -> list[Row]:
    """A phase's answered rows; the tokens of traces, of which there are many, in four bytes each."""
    return [
        {**row, "token_ids": array("i", row["token_ids"] or ())}
        for row in answered_rows(folder / "data", folder / "done")
    ]


def _by_sample(rows: Sequence[Row]) -> Traces:
    traces: dict[tuple[str, int], list[Trace]] = {}
    for row in rows:
        trace = Trace(row["thinking_budget"], row["token_ids"], row["cut"])
        traces.setdefault((row["problem_id"], row["sample"]), []).append(trace)
    return traces


def _answers(
    config: EvaluateConfig, swept: Sweep, questions: Sequence[Question], traces: Traces, rows: list[Row]
) -> list[Row]:
    """Every answer of the sweep once: a branch, or its trace under the answer's own budget."""
    by_id = {row["row_id"]: row for row in rows}
    return [
        by_id.get(swept.row_id(question.problem_id, budget, sample))
        or under_budget(by_id[swept.row_id(question.problem_id, trace.budget, sample)], swept, budget)
        for question, sample, budget, trace in served(config, questions, traces)
    ]
