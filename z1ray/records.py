"""The rows that flow between stages: Arrow schemas and their checks.

Problem -> Trajectory -> Example (training) and EvaluationRow (the curve).
A schema is the contract: a stage reads and writes exactly these columns.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from z1ray.errors import UserError
from z1ray.files import replacing

Row = dict[str, Any]

# How to check an answer. `kind` says which of the other fields hold:
#   python     run `setup`, then the answer's code, then each of `cases` (assertions)
#   stdio      feed inputs[i] on stdin and compare stdout with outputs[i], line by line;
#              verifier `tolerance:1e-6` lets numbers differ by that much
#   reference  compare the answer with `reference`, by the rule named in `verifier`
#   unittest   run `setup`, the answer's code and `cases`, which define a class TestCases, in one module
#   livecodebench  `cases` are its two columns of tests, packed; see grading/livecodebench.py
TESTS = pa.struct(
    [
        pa.field("kind", pa.string(), nullable=False),
        ("setup", pa.string()),
        ("cases", pa.list_(pa.string())),
        ("inputs", pa.list_(pa.string())),
        ("outputs", pa.list_(pa.string())),
        ("reference", pa.string()),
        ("verifier", pa.string()),
    ]
)

MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))

PROBLEM = pa.schema(
    [
        pa.field("problem_id", pa.string(), nullable=False),  # stable: source/name
        pa.field("source", pa.string(), nullable=False),
        pa.field("question", pa.string(), nullable=False),
        ("difficulty", pa.string()),  # easy, medium, hard or null
        ("tests", TESTS),
        ("entry_point", pa.string()),  # the function or class the tests call
        ("metadata", pa.string()),  # JSON object
    ]
)

TRAJECTORY = pa.schema(
    [
        pa.field("trajectory_id", pa.string(), nullable=False),  # problem_id#mode#sample
        pa.field("problem_id", pa.string(), nullable=False),
        pa.field("mode", pa.string(), nullable=False),
        pa.field("sample", pa.int32(), nullable=False),
        ("request", pa.int64()),  # position in the run's request table; null when read from elsewhere
        ("model", pa.string()),
        ("messages", MESSAGES),
        ("text", pa.string()),
        ("num_prompt_tokens", pa.int32()),  # null when unknown
        ("num_tokens", pa.int32()),
        ("finish_reason", pa.string()),  # stop, length or error
        ("sampling", pa.string()),  # JSON object, seed included
        ("error", pa.string()),  # why the row has no text; null when it has
    ]
)

EXAMPLE = pa.schema(
    [
        *TRAJECTORY,
        ("question", pa.string()),
        ("verified", pa.bool_()),  # null: not run
        ("verdict", pa.string()),  # passed, failed, timeout, ..., or why it was not run
        pa.field("kept", pa.bool_(), nullable=False),
        ("drop_reason", pa.string()),  # null exactly when kept
        ("duplicate_of", pa.string()),  # trajectory_id
        ("contaminated_by", pa.string()),  # problem_id of the benchmark problem
    ]
)

EVALUATION_ROW = pa.schema(
    [
        pa.field("row_id", pa.string(), nullable=False),
        pa.field("benchmark", pa.string(), nullable=False),
        pa.field("problem_id", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("method", pa.string(), nullable=False),
        pa.field("thinking_budget", pa.int32(), nullable=False),
        pa.field("sample", pa.int32(), nullable=False),
        ("text", pa.string()),
        ("thinking_tokens", pa.int32()),
        ("hint_tokens", pa.int32()),
        ("answer_tokens", pa.int32()),
        ("cut", pa.bool_()),
        ("finish_reason", pa.string()),  # of the whole run: stop or length
        ("answer", pa.string()),
        ("correct", pa.bool_()),  # null: no check came about
        ("verdict", pa.string()),  # passed, failed, timeout, ...; see grading/verdict.py
        ("sandbox", pa.string()),  # bubblewrap or limited; null where no code was run
    ]
)


DIFFICULTIES = ("easy", "medium", "hard")
"""What a problem's difficulty may be, if it is known."""

# Breaks of pages and lines that text files bring along; other control characters are told, not changed.
_BREAKS = dict.fromkeys(map(ord, "\v\f\x85"), "\n")


def problem(
    *,
    problem_id: str,
    source: str,
    question: str,
    difficulty: str | None = None,
    tests: Mapping[str, Any] | None = None,
    entry_point: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Row:
    """A checked Problem row.

    Raises:
        UserError: For an empty question or a difficulty outside easy, medium, hard.
    """
    if not question or not question.strip():
        raise UserError(
            f"problem {problem_id!r}: question",
            question,
            "a problem needs a question",
            "give the row a non-empty `question`, or map the right column to it with `columns`",
        )
    if difficulty not in {None, *DIFFICULTIES}:
        raise UserError(
            f"problem {problem_id!r}: difficulty",
            difficulty,
            "unknown difficulty",
            "use easy, medium, hard or leave it out",
        )
    return {
        "problem_id": problem_id,
        "source": source,
        "question": question.translate(_BREAKS),
        "difficulty": difficulty,
        "tests": None if tests is None else {name: tests.get(name) for name in TESTS.names},
        "entry_point": entry_point,
        "metadata": json.dumps(dict(metadata or {}), sort_keys=True),
    }


def trajectory_id(problem_id: str, mode: str, sample: int) -> str:
    """The stable id of one request and of the trajectory it becomes."""
    return f"{problem_id}#{mode}#{sample}"


def request_seed(seed: int, request_id: str) -> int:
    """A request's own 31-bit seed: stable across runs, different from its neighbours'."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{request_id}".encode()).digest()[:4], "big") >> 1


def write_rows(rows: Iterable[Row], path: Path, schema: pa.Schema) -> None:
    """Write rows as one Parquet file, whole or not at all.

    Args:
        rows: Rows of ``schema``.
        path: The file; its folder is made if missing.
        schema: Arrow schema.

    Raises:
        pa.ArrowInvalid: If a row does not fit the schema.
    """
    with replacing(path) as partial:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), partial)


def read_rows(folder: Path) -> list[Row]:
    """All rows of a Parquet file or of a folder of Parquet files."""
    rows: list[Row] = pq.read_table(folder).to_pylist()
    return rows
