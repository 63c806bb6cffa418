"""From a record of some file or dataset to a Problem row, by the configured column names."""

from collections.abc import Collection, Mapping
from typing import Any

from z1ray.errors import UserError
from z1ray.problems.config import SourceConfig
from z1ray.records import TESTS, Row, problem

FIELDS = ("problem_id", "question", "difficulty", "tests", "entry_point")
_KINDS = {"python": ("cases",), "stdio": ("inputs", "outputs"), "reference": ("reference",)}


def column_names(source: SourceConfig, present: Collection[str], where: str) -> dict[str, str]:
    """Our field names and the columns to read them from; fields the source does not have are left out.

    Args:
        source: The source; ``columns`` maps the fields whose column has another name.
        present: The columns there are.
        where: The file or dataset, for the error.

    Raises:
        UserError: If ``columns`` names an unknown field, or a column that is not there,
            or if there is no column for the question.
    """
    unknown = sorted(set(source.columns) - set(FIELDS))
    if unknown:
        raise UserError("columns", unknown[0], "it is no field of a problem", f"use {', '.join(FIELDS)}")
    for field, column in {"question": "question", **source.columns}.items():
        if column not in present:
            raise UserError(
                f"columns.{field}",
                column,
                f"{where} has no such column; it has {', '.join(sorted(present)) or 'none'}",
                "map the field to one of these columns",
            )
    asked = {field: source.columns.get(field, field) for field in FIELDS}
    return {field: column for field, column in asked.items() if column in present}


def to_problem(record: Mapping[str, Any], names: Mapping[str, str], source: SourceConfig, name: str, where: str) -> Row:
    """One record as a checked Problem row.

    Args:
        record: Values by column.
        names: Columns by our field names, from ``column_names``.
        source: The source the record belongs to.
        name: The problem's name if the record has no ``problem_id`` of its own.
        where: File and row, for the error.

    Raises:
        UserError: If the question is empty or no text, or another field does not fit.
    """
    values = {field: record.get(column) for field, column in names.items()}
    question = values.get("question")
    if not isinstance(question, str) or not question.strip():
        raise UserError(
            f"{where}: {names['question']}",
            question,
            "a problem needs a question",
            "fill it in, remove the row, or map the right column with `columns`",
        )
    _check_tests(values.get("tests"), where)
    difficulty = values.get("difficulty")
    own_name = values.get("problem_id")
    return problem(
        problem_id=f"{source.label}/{name if own_name is None else own_name}",
        source=source.label,
        question=question,
        difficulty=difficulty.lower() if isinstance(difficulty, str) else difficulty,
        tests=values.get("tests"),
        entry_point=values.get("entry_point"),
        metadata={"from": where},
    )


def _check_tests(tests: object, where: str) -> None:
    """Refuse tests that could not be run later."""
    if tests is None:
        return
    if not isinstance(tests, Mapping) or tests.get("kind") not in _KINDS:
        raise UserError(
            f"{where}: tests", tests, "it is no test", f"write an object whose `kind` is one of {', '.join(_KINDS)}"
        )
    unknown = sorted(set(tests) - set(TESTS.names))
    if unknown:
        raise UserError(f"{where}: tests", unknown[0], "there is no such key", f"known here: {', '.join(TESTS.names)}")
    lacking = [key for key in _KINDS[tests["kind"]] if not tests.get(key)]
    if lacking:
        raise UserError(
            f"{where}: tests.{lacking[0]}",
            tests.get(lacking[0]),
            f"tests of kind {tests['kind']} need it",
            "fill it in, or leave `tests` out",
        )
    if tests["kind"] == "stdio" and len(tests["inputs"]) != len(tests["outputs"]):
        counts = (len(tests["inputs"]), len(tests["outputs"]))
        raise UserError(f"{where}: tests", counts, "inputs and outputs differ in number", "give each input its output")
