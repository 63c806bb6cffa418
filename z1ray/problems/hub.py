"""Problems from a Hugging Face dataset, by hub name or local folder."""

from collections.abc import Iterator
from typing import Any

from z1ray.errors import UserError
from z1ray.problems.columns import column_names, to_problem
from z1ray.problems.config import SourceConfig
from z1ray.records import Row


def read(source: SourceConfig) -> Iterator[Row]:
    """One problem per row of the dataset's split.

    Raises:
        UserError: If the package ``datasets`` or the dataset is missing, the hub is out of
            reach, the split is unknown, or a row does not fit.
    """
    dataset = _load(source)
    names = column_names(source, dataset.column_names, f"{source.path} ({source.split})")
    for number, record in enumerate(dataset.select_columns(sorted(set(names.values())))):
        yield to_problem(record, names, source, str(number), f"{source.path} ({source.split}), row {number}")


def _load(source: SourceConfig) -> Any:
    try:
        import datasets
    except ImportError as error:
        raise UserError("kind", "hub", "the package datasets is missing", "pip install datasets==5.2.0") from error
    try:
        return datasets.load_dataset(source.path, split=source.split)
    except (OSError, ValueError) as error:
        # Missing or private datasets and an unreachable hub are OSErrors, unknown splits and
        # dataset configurations ValueErrors.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"source {source.label!r}: path, split",
            f"{source.path} ({source.split})",
            reason,
            "check the name and the split, and that the hub is in reach and you may read it (hf auth login)",
        ) from error
