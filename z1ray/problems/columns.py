"""From a record of some file or dataset to a Problem row, by the configured column names."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from z1ray.errors import UserError
from z1ray.problems.config import SourceConfig
from z1ray.problems.difficulty import level, noted
from z1ray.records import PROBLEM, TESTS, Row, problem

_KINDS = {"python": ("cases",), "stdio": ("inputs", "outputs"), "reference": ("reference",)}
_PLACEHOLDERS = {"n/a", "na", "nan", "none", "null", "todo", "tbd"}
_LISTS = {"cases", "inputs", "outputs"}


class Fields(NamedTuple):
    """What can be read from a source.

    Attributes:
        known: Names of all fields.
        required: Those every source must have a column for.
        batch_rows: Rows turned into Python objects at a time: some questions bring megabytes of tests along.
    """

    known: tuple[str, ...]
    required: tuple[str, ...]
    batch_rows: int = 512


PROBLEM_FIELDS = Fields(("problem_id", "question", "difficulty", "tests", "entry_point"), ("question",))


class Record(NamedTuple):
    """One record of a source.

    Attributes:
        name: File and line, or row: names the record if it has no id of its own.
        where: The same for people.
        values: Values by field.
        error: Why it could not be read; None if it could.
    """

    name: str
    where: str
    values: Mapping[str, Any]
    error: UserError | None = None


def to_problem(record: Record, source: SourceConfig) -> Row:
    """One record as a checked Problem row.

    Raises:
        UserError: If the record could not be read, its question is empty or no text, or
            another field does not fit.
    """
    if record.error is not None:
        raise record.error
    values, where = record.values, record.where
    question = values.get("question")
    reason = not_text(question) or ("is a placeholder" if is_placeholder(str(question)) else None)
    if reason:
        raise UserError(
            f"{where}: {source.columns.get('question', 'question')}",
            question,
            f"a problem needs a question, and this {reason}",
            "fill it in, remove the row, or map the right column with `columns`",
        )
    _check_id(values.get("problem_id"), where)
    _check_tests(values.get("tests"), where)
    entry_point = values.get("entry_point")
    if entry_point is not None and (reason := not_text(entry_point)):
        raise UserError(f"{where}: entry_point", entry_point, f"it {reason}", "name the function, or leave it out")
    return problem(
        problem_id=problem_id(record, source),
        source=source.label,
        question=str(question),
        difficulty=level(values.get("difficulty")),
        tests=values.get("tests"),
        entry_point=entry_point,
        metadata={"from": where, **noted(values.get("difficulty"))},
    )


def unusable(record: Record, source: SourceConfig, error: UserError) -> Row:
    """The Problem row that stands for an unusable record: its question is empty, its metadata holds the reason.

    Generation sets such rows aside with the reason, where an error would end the run. A record
    with an id of its own does not keep it: a good record may have the same.
    """
    name = record.name if record.values.get("problem_id") is None else f"unusable-{record.name}"
    return {
        **dict.fromkeys(PROBLEM.names),
        "problem_id": f"{source.label}/{name}",
        "source": source.label,
        "question": "",
        "metadata": json.dumps({"error": f"{error.field}: {error.problem}", "from": record.where}, sort_keys=True),
    }


def problem_id(record: Record, source: SourceConfig) -> str:
    """The source's label and the record's own id, else its file and row."""
    own_name = record.values.get("problem_id")
    return f"{source.label}/{record.name if own_name is None else own_name}"


def not_text(value: object) -> str | None:
    """Why a value is no text to work with, as the end of a sentence; None if it is."""
    if not isinstance(value, str):
        return f"is no text but {type(value).__name__}" if value is not None else "is missing"
    if not value.strip():
        return "is empty"
    try:
        value.encode()
    except UnicodeEncodeError:
        # JSON's escapes can write half of a character, which no Parquet file takes.
        return "holds half of a character (a lone surrogate)"
    return None


def is_placeholder(question: str) -> bool:
    """True for what stands where a question is missing: no letter and no digit (``-``), or a word such as ``N/A``."""
    return question.strip().lower() in _PLACEHOLDERS or not any(map(str.isalnum, question))


def _check_id(own_name: object, where: str) -> None:
    if own_name is None:
        return
    if not isinstance(own_name, str | int):
        raise UserError(f"{where}: problem_id", own_name, "it is no text and no number", "fix it, or leave it out")
    if reason := not_text(str(own_name)):
        raise UserError(f"{where}: problem_id", own_name, f"it {reason}", "fix it, or leave it out")


def _check_tests(tests: object, where: str) -> None:
    """Refuse tests that could not be run later."""
    if tests is None:
        return
    kind = tests.get("kind") if isinstance(tests, Mapping) else None
    if not isinstance(tests, Mapping) or not isinstance(kind, str) or kind not in _KINDS:
        raise UserError(
            f"{where}: tests",
            tests,
            "it is no test",
            f"write an object whose `kind` is one of {', '.join(_KINDS)}, name the set's `format`, or leave the column "
            "unread: columns: {tests: null}",
        )
    unknown = sorted(str(key) for key in set(tests) - set(TESTS.names))
    if unknown:
        raise UserError(f"{where}: tests", unknown[0], "there is no such key", f"known here: {', '.join(TESTS.names)}")
    for key, value in tests.items():
        _check_test_value(key, value, where)
    lacking = [key for key in _KINDS[kind] if not tests.get(key)]
    if lacking:
        raise UserError(
            f"{where}: tests.{lacking[0]}",
            tests.get(lacking[0]),
            f"tests of kind {kind} need it",
            "fill it in, or leave `tests` out",
        )
    if kind == "stdio" and len(tests["inputs"]) != len(tests["outputs"]):
        counts = (len(tests["inputs"]), len(tests["outputs"]))
        raise UserError(f"{where}: tests", counts, "inputs and outputs differ in number", "give each input its output")


def _check_test_value(key: str, value: object, where: str) -> None:
    """Cases, inputs and outputs are lists of text, everything else is text; any may be blank."""
    if value is None:
        return
    if key in _LISTS and not isinstance(value, list):
        raise UserError(f"{where}: tests.{key}", value, "it is no list", f'write a list of text, e.g. "{key}": ["1"]')
    for index, one in enumerate(value if isinstance(value, list) and key in _LISTS else [value]):
        blank = isinstance(one, str) and not one.strip()
        if not blank and (reason := not_text(one)):
            name = f"{key}[{index}]" if key in _LISTS else key
            raise UserError(f"{where}: tests.{name}", one, f"it {reason}", "write it as text, in quotes")
