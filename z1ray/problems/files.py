"""Records from JSON, CSV and Parquet files, local or remote; but for a JSON array one at a time."""

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import pyarrow.parquet as pq

from z1ray.errors import UserError
from z1ray.problems.columns import Fields, Record
from z1ray.problems.config import SourceConfig
from z1ray.problems.find import File, find_files, open_file, open_lines, reading
from z1ray.problems.mapping import asked_columns, column_names, needed, values_of

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


def read_json(source: SourceConfig, fields: Fields) -> Iterator[Record]:
    """One record per object of every file that ``path`` matches, each of which is an array and is held in memory.

    Raises:
        UserError: If no file matches, one is no array of JSON, or its first object lacks a column.
    """
    assert source.path is not None
    for file in find_files(source.path, source.kind):
        with reading(file, "JSON"), open_lines(file) as lines:
            rows = _array(lines, file)
        yield from _from_objects(rows, file, source, fields)


def read_csv(source: SourceConfig, fields: Fields) -> Iterator[Record]:
    """One record per row of every file that ``path`` matches, whose first row names the columns; blank is missing.

    Raises:
        UserError: If no file matches, one is no CSV or no UTF-8, or it lacks a column.
    """
    assert source.path is not None
    csv.field_size_limit(sys.maxsize)  # the library's own limit is 128 KiB, less than some tests
    for file in find_files(source.path, source.kind):
        with reading(file, "CSV"), open_lines(file) as lines:
            rows = csv.DictReader(io.TextIOWrapper(lines, "utf-8-sig", newline=""), strict=True)
            names = column_names(source, rows.fieldnames or (), file.shown, fields)
            for number, row in enumerate(rows, start=1):
                values = values_of({column: row[column] or None for column in needed(names)}, names)
                yield Record(f"{file.name}-{number}", f"{file.shown}, row {number}", values)


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
            batches = table.iter_batches(fields.batch_rows, columns=needed(names))
            rows = (row for batch in batches for row in batch.to_pylist())
            for number, row in enumerate(rows, start=1):
                yield Record(f"{file.name}-{number}", f"{file.shown}, row {number}", values_of(row, names))


def _from_lines(lines: Any, file: File, source: SourceConfig, fields: Fields) -> Iterator[Record]:
    """The records of one file of lines."""
    numbered = ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    return _records(((number, partial(_parsed, line)) for number, line in numbered), file, source, fields)


def _from_objects(rows: list[Any], file: File, source: SourceConfig, fields: Fields) -> Iterator[Record]:
    """The records of one file's array."""
    return _records(((number, partial(_object, row)) for number, row in enumerate(rows, start=1)), file, source, fields)


def _records(
    rows: Iterable[tuple[int, Callable[[str], dict[str, Any]]]], file: File, source: SourceConfig, fields: Fields
) -> Iterator[Record]:
    """Records of JSON; objects may leave fields out, but the first shows that they exist."""
    names = asked_columns(source, fields)
    checked = False
    for number, read in rows:
        name, where = f"{file.name}-{number}", f"{file.shown}, row {number}"
        try:
            row = read(where)
        except UserError as error:
            yield Record(name, where, {}, error)
            continue
        if not checked:
            column_names(source, row.keys(), where, fields)
            checked = True
        yield Record(name, where, values_of(row, names))


def _array(lines: Any, file: File) -> list[Any]:
    try:
        rows = json.load(lines)
    except (ValueError, RecursionError) as error:
        raise UserError("path", file.shown, f"it is no JSON: {error}", "name a file that is one array") from error
    if not isinstance(rows, list):
        raise UserError("path", file.shown, "it is no array", "use kind: jsonl for an object a line")
    return rows


def _parsed(line: bytes, where: str) -> dict[str, Any]:
    shown = line[:80].decode(errors="replace").strip()
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        remedy = "a file that is one array is of kind json" if shown == "[" else "fix or remove the line"
        raise UserError(where, shown, f"it is no JSON: {error}", remedy) from error
    return _object(row, where)


def _object(row: Any, where: str) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise UserError(where, str(row)[:80], "it is no JSON object", "write one object per problem")
    return row
