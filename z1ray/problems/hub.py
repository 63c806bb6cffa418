"""Records from a Hugging Face dataset, by hub name or local folder."""

from collections.abc import Iterator
from typing import Any

from z1ray.errors import UserError
from z1ray.problems.columns import Fields, Record, column_names
from z1ray.problems.config import SourceConfig


def read(source: SourceConfig, fields: Fields) -> Iterator[Record]:
    """One record per row of the dataset's split, which stays on disk, mapped into memory.

    Raises:
        UserError: If the package ``datasets`` or the dataset is missing, the hub is out of
            reach, the split is unknown, or a column is not there.
    """
    dataset = _load(source)
    name = _shown(source)
    names = column_names(source, dataset.column_names, name, fields)
    tables = dataset.select_columns(sorted(set(names.values()))).with_format("arrow").iter(fields.batch_rows)
    for number, row in enumerate(row for table in tables for row in table.to_pylist()):
        yield Record(str(number), f"{name}, row {number}", {field: row[column] for field, column in names.items()})


def _load(source: SourceConfig) -> Any:
    try:
        import datasets
    except ImportError as error:
        raise UserError("kind", "hub", "the package datasets is missing", "pip install datasets==5.2.0") from error
    try:
        return datasets.load_dataset(source.path, source.configuration, split=source.split, revision=source.revision)
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        # Missing or private datasets and an unreachable hub are OSErrors, malformed names, unknown
        # splits and configurations ValueErrors, datasets that are scripts RuntimeErrors, and
        # files that cannot be made into a table DatasetsErrors.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"source {source.label!r}: path, split",
            _shown(source),
            reason,
            "check the name, configuration, revision and split, and that the hub is in reach and you may read it "
            "(hf auth login)",
        ) from error


def _shown(source: SourceConfig) -> str:
    parts = (source.configuration, source.revision and f"revision {source.revision}", source.split)
    return f"{source.path} ({', '.join(part for part in parts if part)})"
