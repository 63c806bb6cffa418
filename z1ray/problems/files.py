"""Records from JSON-lines and Parquet files, local or remote, one at a time."""

import json
from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq

from z1ray.errors import UserError
from z1ray.problems.columns import Fields, Record, asked_columns, column_names
from z1ray.problems.config import SourceConfig
from z1ray.problems.find import File, find_files, open_file, open_lines, reading

# Bytes of a column fetched at a time. By default pyarrow fetches all row groups ahead and holds the file.
_BUFFER = 4 << 20


def read_jsonl(source: SourceConfig, fields: Fields) -> Iterator[Record]:
    """One record per non-empty line of every file that ``path`` (a name, a glob, a URL) matches.

    A line that is no JSON object becomes a record with its error.

    Raises:
        UserError: If no file matches, one cannot be read, or the first object of one
            lacks a column.
    """
    assert source.path is not None
    for file in find_files(source.path, source.kind):
        with reading(file, "JSON-lines"), open_lines(file) as lines:
            yield from _from_lines(lines, file, source, fields)


def read_parquet(source: SourceConfig, fields: Fields) -> Iterator[Record]:
    """One record per row of every file that ``path`` (a name, a glob, a URL) matches.

    Raises:
        UserError: If no file matches, one is no Parquet file, or lacks a column.
    """
    assert source.path is not None
    for file in find_files(source.path, source.kind):
        with (
            reading(file, "Parquet"),
            open_file(file) as opened,
            pq.ParquetFile(opened, buffer_size=_BUFFER, pre_buffer=False) as table,
        ):
            names = column_names(source, table.schema_arrow.names, file.shown, fields)
            batches = table.iter_batches(fields.batch_rows, columns=sorted(set(names.values())))
            rows = (row for batch in batches for row in batch.to_pylist())
            for number, row in enumerate(rows, start=1):
                values = {field: row[column] for field, column in names.items()}
                yield Record(f"{file.name}-{number}", f"{file.shown}, row {number}", values)


def _from_lines(lines: Any, file: File, source: SourceConfig, fields: Fields) -> Iterator[Record]:
    """The records of one file; lines may leave fields out, but the first object shows that they exist."""
    names = asked_columns(source, fields)
    checked = False
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        name, where = f"{file.name}-{number}", f"{file.shown}, row {number}"
        try:
            row = _parsed(line, where)
        except UserError as error:
            yield Record(name, where, {}, error)
            continue
        if not checked:
            column_names(source, row.keys(), where, fields)
            checked = True
        yield Record(name, where, {field: row.get(column) for field, column in names.items()})


def _parsed(line: bytes, where: str) -> dict[str, Any]:
    shown = line[:80].decode(errors="replace").strip()
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(where, shown, f"it is no JSON: {error}", "fix or remove the line") from error
    if not isinstance(row, dict):
        raise UserError(where, shown, "it is no JSON object", "write one object per line")
    return row
