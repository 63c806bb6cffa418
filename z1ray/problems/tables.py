"""The records of a source that is a table: a hub dataset, or files."""

from collections.abc import Callable, Iterable

from z1ray.problems import files, hub
from z1ray.problems.columns import Fields, Record
from z1ray.problems.config import Kind, SourceConfig

_READERS: dict[Kind, Callable[[SourceConfig, Fields], Iterable[Record]]] = {
    "hub": hub.read,
    "jsonl": files.read_jsonl,
    "json": files.read_json,
    "csv": files.read_csv,
    "parquet": files.read_parquet,
}


def read_records(source: SourceConfig, fields: Fields) -> Iterable[Record]:
    """The records of a hub dataset or of files, with the values of ``fields``."""
    return _READERS[source.kind](source, fields)
