"""Records from a Hugging Face dataset, by hub name or local folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from z1ray.errors import UserError
from z1ray.problems.columns import Fields, Record
from z1ray.problems.config import SourceConfig
from z1ray.problems.mapping import column_names, needed, values_of


def read(source: SourceConfig, fields: Fields) -> Iterator[Record]:
    """One record per row of the dataset's split, which stays on disk, mapped into memory.

    With a limit rows are streamed, so that what is not read is not fetched; where the hub may not be asked (offline),
    they come from the cache all the same.

    Raises:
        UserError: If the package ``datasets`` or the dataset is missing, the hub is out of
            reach, the split is unknown, or a column is not there.
    """
    name = _shown(source)
    in_reach = Path(str(source.path)).exists()
    with _reaching(source) as datasets:
        dataset = datasets.load_dataset(
            source.path,
            source.configuration,
            split=source.split,
            revision=source.revision,
            streaming=source.limit is not None and (in_reach or not datasets.config.HF_HUB_OFFLINE),
        )
        names = column_names(source, _columns(dataset), name, fields)
        tables = dataset.select_columns(needed(names)).with_format("arrow").iter(fields.batch_rows)
        for number, row in enumerate(row for table in tables for row in table.to_pylist()):
            yield Record(str(number), f"{name}, row {number}", values_of(row, names))


def _columns(dataset: Any) -> list[str]:
    """The columns' names, which of a stream of JSON the first row alone tells."""
    return dataset.column_names or list(next(iter(dataset), {}))


@contextmanager
def _reaching(source: SourceConfig) -> Iterator[Any]:
    """The package ``datasets``; what it raises within the block is the user's mistake, or the network's."""
    try:
        import datasets
    except ImportError as error:
        raise UserError("kind", "hub", "the package datasets is missing", "pip install datasets==5.2.0") from error
    try:
        yield datasets
    except UserError:
        raise
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
