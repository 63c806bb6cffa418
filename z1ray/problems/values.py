"""The checked values of a record in a published layout."""

from typing import Any

from z1ray.errors import UserError
from z1ray.problems.columns import Record, is_placeholder, not_text

_REMEDY = "check that the file has this layout, or map the right column with `columns`"


def value(record: Record, field: str) -> Any:
    """A field's value; None if the record has none.

    Raises:
        UserError: If the record could not be read.
    """
    if record.error is not None:
        raise record.error
    return record.values.get(field)


def text(record: Record, field: str) -> str:
    """A field's text.

    Raises:
        UserError: If it is empty or no text.
    """
    found = value(record, field)
    if reason := not_text(found):
        raise refused(record, field, found, f"it {reason}")
    assert isinstance(found, str)
    return found


def optional_text(record: Record, field: str) -> str:
    """A field's text, "" if there is none."""
    return "" if value(record, field) in {None, ""} else text(record, field)


def texts(record: Record, field: str) -> list[str]:
    """A field's list of texts.

    Raises:
        UserError: If it is empty or no list of texts.
    """
    found = value(record, field)
    if not isinstance(found, list) or not found or any(not_text(one) for one in found):
        raise refused(record, field, found, "it is no list of texts, or empty")
    return found


def statement(record: Record, field: str) -> str:
    """A question's text.

    Raises:
        UserError: If it is empty, no text, or a placeholder such as ``-``.
    """
    return as_statement(record, field, value(record, field))


def as_statement(record: Record, field: str, found: object) -> str:
    """The same for a value within a field."""
    if reason := not_text(found):
        raise refused(record, field, found, f"it {reason}")
    if is_placeholder(str(found)):
        raise refused(record, field, found, "it is a placeholder, no question")
    return str(found)


def optional_id(record: Record, field: str) -> str | None:
    """The id a record brings; None if it brings none."""
    return None if value(record, field) is None else own_id(record, field)


def own_id(record: Record, field: str) -> str:
    """The id a record brings, a text or a number.

    Raises:
        UserError: If it is neither.
    """
    found = value(record, field)
    if isinstance(found, bool) or not isinstance(found, str | int) or not str(found).strip():
        raise refused(record, field, found, "it is no text and no number")
    return str(found)


def refused(record: Record, field: str, found: object, problem: str) -> UserError:
    """The error that a value does not fit."""
    return UserError(f"{record.where}: {field}", found, problem, _REMEDY)
