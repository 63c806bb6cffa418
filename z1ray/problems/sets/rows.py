"""The Problem row of a record of a published set."""

from collections.abc import Mapping
from typing import Any

from z1ray.problems.columns import Record
from z1ray.problems.config import SourceConfig
from z1ray.problems.sets.checks import UNREADABLE, Checks
from z1ray.problems.sets.questions import question
from z1ray.problems.values import optional_id
from z1ray.records import Row, problem


def made(
    record: Record,
    source: SourceConfig,
    *,
    statement: str,
    name: str | None = None,
    starter: str = "",
    checks: Checks | None = None,
    solution: str | None = None,
    difficulty: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Row:
    """A Problem row; its metadata holds where it comes from and the reference solution.

    Args:
        record: The record.
        source: Its source.
        statement: The published question.
        name: The field with the record's own id; without one it is named by its file and row.
        starter: Code that the answer completes.
        checks: Its tests; none if left out.
        solution: A reference solution.
        difficulty: Easy, medium, hard or None.
        metadata: What else to keep.
    """
    checks = checks or Checks()
    own_id = optional_id(record, name) if name else None
    found = {"solution": solution, UNREADABLE: checks.unreadable}
    return problem(
        problem_id=f"{source.label}/{record.name if own_id is None else own_id}",
        source=source.label,
        question=question(statement, starter, checks),
        difficulty=difficulty,
        tests=checks.tests,
        entry_point=checks.entry_point,
        metadata={"from": record.where, **(metadata or {}), **{key: one for key, one in found.items() if one}},
    )
