"""Which columns of a source the fields are read from: by name, by a template over columns, or not at all."""

import difflib
from collections.abc import Collection, Mapping
from string import Formatter
from typing import Any

from z1ray.errors import UserError
from z1ray.problems.columns import Fields
from z1ray.problems.config import SourceConfig


def asked_columns(source: SourceConfig, fields: Fields) -> dict[str, str]:
    """The column or template of each field, whether or not it is there; declined fields are left out."""
    asked = {field: source.columns.get(field, field) for field in fields.known}
    return {field: column for field, column in asked.items() if column is not None}


def column_names(source: SourceConfig, present: Collection[str], where: str, fields: Fields) -> dict[str, str]:
    """Our field names and the columns to read them from; fields the source does not have are left out.

    Args:
        source: The source; ``columns`` maps the fields whose column has another name, is a template, or is declined.
        present: The columns there are.
        where: The file or dataset, for the error.
        fields: The fields there are and those it must have.

    Raises:
        UserError: If ``columns`` names an unknown field or a column that is not there,
            or if a required field has no column.
    """
    asked = asked_columns(source, fields)
    for field in source.columns:
        if field not in fields.known:
            raise UserError(
                f"source {source.label!r}: columns", field, "it is no field here", f"use {', '.join(fields.known)}"
            )
    for field in dict.fromkeys([*fields.required, *(name for name in source.columns if name in asked)]):
        if field not in asked:
            raise UserError(f"source {source.label!r}: columns.{field}", None, "it is needed", "name its column")
        for column in read_by(asked[field]):
            if column not in present:
                raise _no_column(source, field, column, present, where)
    return {field: column for field, column in asked.items() if set(read_by(column)) <= set(present)}


def needed(names: Mapping[str, str]) -> list[str]:
    """The columns to read for these fields, sorted."""
    return sorted({column for name in names.values() for column in read_by(name)})


def values_of(row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The value of each field in a row; what the row leaves out is None."""
    return {field: _filled(name, row) if _is_template(name) else row.get(name) for field, name in names.items()}


def read_by(name: str) -> list[str]:
    """The columns that a column's name or a template over columns reads.

    Raises:
        UserError: If a brace of a template is not closed.
    """
    if not _is_template(name):
        return [name]
    try:
        return [column for _, column, _, _ in Formatter().parse(name) if column]
    except ValueError as error:
        raise UserError("columns", name, f"it is no template: {error}", "write e.g. '{instruction} {input}'") from error


def _is_template(name: str) -> bool:
    return "{" in name


def _filled(template: str, row: Mapping[str, Any]) -> str | None:
    """The template with the row's values, those that are missing left blank; None if all are."""
    if all(row.get(column) in {None, ""} for column in read_by(template)):
        return None
    parts = ((before, row.get(column) if column else None) for before, column, _, _ in Formatter().parse(template))
    return "".join(f"{before}{'' if value is None else value}" for before, value in parts).strip()


def _no_column(source: SourceConfig, field: str, column: str, present: Collection[str], where: str) -> UserError:
    folded = {name.casefold(): name for name in present}
    near = difflib.get_close_matches(column.casefold(), folded, n=1)
    example = folded[near[0]] if near else "COLUMN"
    return UserError(
        f"source {source.label!r}: columns.{field}",
        column,
        f"{where} has no such column; it has {', '.join(sorted(present)) or 'none'}",
        f"{f'did you mean {example!r}? ' if near else ''}map it, e.g. columns: {{{field}: {example}}}",
    )
