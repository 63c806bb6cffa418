"""Problems from JSON-lines and Parquet files, read row by row."""

import glob
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from z1ray.errors import UserError
from z1ray.problems.columns import column_names, to_problem
from z1ray.problems.config import SourceConfig
from z1ray.records import Row


def read_jsonl(source: SourceConfig) -> Iterator[Row]:
    """One problem per non-empty line, of every file that ``path`` (a name or a glob) matches.

    Raises:
        UserError: If no file matches, a line is no JSON object, or a row does not fit.
    """
    for path in _matching(source):
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _from_line(line, number, path, source)


def read_parquet(source: SourceConfig) -> Iterator[Row]:
    """One problem per row, of every file that ``path`` (a name or a glob) matches.

    Raises:
        UserError: If no file matches, one is no Parquet file, or a row does not fit.
    """
    for path in _matching(source):
        try:
            file = pq.ParquetFile(path)
        except pa.ArrowInvalid as error:
            raise UserError("path", str(path), f"it is no Parquet file: {error}", "name a Parquet file") from error
        with file:
            names = column_names(source, file.schema_arrow.names, str(path))
            number = 0
            for batch in file.iter_batches(columns=sorted(set(names.values()))):
                for record in batch.to_pylist():
                    number += 1
                    yield to_problem(record, names, source, f"{path.stem}-{number}", f"{path}, row {number}")


def _matching(source: SourceConfig) -> list[Path]:
    assert source.path is not None
    found = sorted(Path(name) for name in glob.glob(source.path, recursive=True))  # noqa: PTH207 (absolute globs)
    found = [path for path in found if path.is_file()]
    if not found:
        raise UserError(
            "path", source.path, "no file is there", f"name a {source.kind} file, or a glob that matches some"
        )
    return found


def _from_line(line: str, number: int, path: Path, source: SourceConfig) -> Row:
    where = f"{path}, row {number}"
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise UserError(where, line.strip()[:80], f"it is no JSON: {error}", "mend or remove the line") from error
    if not isinstance(record, dict):
        raise UserError(where, line.strip()[:80], "it is no JSON object", "write one object per line")
    names = column_names(source, record.keys(), where)
    return to_problem(record, names, source, f"{path.stem}-{number}", where)
