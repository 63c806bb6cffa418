"""One model's answers, from one start of its engines.

The model's folder holds the ``requests``, their rows in ``data`` (see ``ANSWERED``) with Ray Data's checkpoint in
``done``, and ``answers.parquet`` with every answer of the sweep as a row of ``EVALUATION_ROW``. What was answered
is not asked again: neither after a kill, nor when budgets, samples or benchmarks were added.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from z1ray.engine.batch import answered_rows, run_requests, write_requests
from z1ray.evaluation.asking import Asking, answered_row
from z1ray.evaluation.config import EvaluateConfig
from z1ray.evaluation.requests import ANSWERED, REQUEST, STATE, Question, States, Sweep, answer_ids, requests
from z1ray.evaluation.statistics.lines import generated_tokens
from z1ray.files import remove
from z1ray.records import EVALUATION_ROW, Row, write_rows
from z1ray.rows import watch

_ROWS_PER_PART = 4096


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the answers of a model cost.

    Attributes:
        generated: Tokens generated for all of them.
        separately: Tokens that one run for each answer would have generated.
    """

    generated: int
    separately: int


def answer(config: EvaluateConfig, swept: Sweep, questions: Sequence[Question], folder: Path) -> Tokens:
    """Answer what a model was not asked yet, and write ``answers.parquet``."""
    there = _rows(folder)
    wanted = requests(config, swept, questions, _by_id(there, swept).keys(), _states(there))
    rows = ask(config, swept, wanted, there, folder)
    by_id = _by_id(rows, swept)
    answers = [row for row_id in answer_ids(config, swept, questions) for row in by_id[row_id]]
    write_rows(answers, folder / "answers.parquet", EVALUATION_ROW)
    return Tokens(sum(row["num_generated"] for row in rows), sum(map(generated_tokens, answers)))


def ask(config: EvaluateConfig, swept: Sweep, wanted: Iterable[Row], there: list[Row], folder: Path) -> list[Row]:
    """All answered requests of a folder, once those of ``wanted`` are.

    Args:
        config: Engine and batch size.
        swept: The model's sweep.
        wanted: Requests.
        there: What is answered already in ``folder``.
        folder: The model's folder.
    """
    parts, missing = _write_parts(iter(wanted), folder / "requests")
    if not missing:
        return there
    model = config.models[swept.model]
    with watch("evaluate", swept.model, folder / "data", len(there) + len(missing)):
        run_requests(
            parts,
            folder / "data",
            folder / "done",
            model=model,
            engine=config.engine,
            id_column="request_id",
            schema=ANSWERED,
            batch_size=config.batch_size,
            rows_per_file=config.batch_size,
            to_row=partial(answered_row, swept=swept, model=model),
            program=Asking(swept, config.seed),
        )
    rows = _rows(folder)
    expected = [*(row["request_id"] for row in there), *missing]
    assert sorted(row["request_id"] for row in rows) == sorted(expected), "a request was lost or answered twice"
    return rows


def _write_parts(rows: Iterator[Row], folder: Path) -> tuple[list[Path], list[str]]:
    """Write requests part by part, since each may hold a trace; the parts in order, and the ids."""
    remove(folder)
    parts: list[Path] = []
    ids: list[str] = []
    while part := list(islice(rows, _ROWS_PER_PART)):
        parts.append(folder / f"{len(parts):05d}.parquet")
        write_requests(part, parts[-1], REQUEST)
        ids += [row["request_id"] for row in part]
    return parts, ids


def _rows(folder: Path) -> list[Row]:
    """Answered requests; the tokens of what was written, of which there are many, in four bytes each."""
    rows = answered_rows(folder / "data", folder / "done")
    return [
        {
            **row,
            "trace": array("i", row["trace"]),
            "waited": array("i", row["waited"]),
            "draws": [array("i", tokens) for tokens in row["draws"]],
        }
        for row in rows
    ]


def _by_id(rows: Iterable[Row], swept: Sweep) -> dict[str, list[Row]]:
    """Each answer's row, or rows if it is a vote, by the id under which it is asked for."""
    answers: dict[str, list[Row]] = {}
    for row in rows:
        for each in row["answers"]:
            answers.setdefault(swept.answer_id(each), []).append(each)
    return answers


def _states(rows: Iterable[Row]) -> States:
    """What is written of each problem and sample: of each column the longest, which begins with those before it."""
    states: dict[tuple[str, int], Row] = {}
    for row in rows:
        state = states.setdefault((row["problem_id"], row["sample"]), {})
        state |= {each.name: max(row[each.name], state.get(each.name, ()), key=len) for each in STATE}
    return states
