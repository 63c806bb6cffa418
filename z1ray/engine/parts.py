"""A table of requests in Parquet parts as a source of Ray Data that keeps its order.

Ray Data reads files of a folder side by side and hands blocks on as they come, which would mix
long requests with short ones. Here the parts are read one after the other.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from ray.data import Dataset, Datasource, ReadTask, read_datasource
from ray.data.block import BlockMetadata


@dataclass(frozen=True, slots=True)
class Only:
    """Rows whose ``column`` has one of the ``values``."""

    column: str
    values: Collection[str]


def read_parts(parts: Sequence[Path], only: Only | None) -> Dataset:
    """The rows of all parts, in order as far as they are read; executed when consumed."""
    dataset: Dataset = read_datasource(Parts(parts, only), override_num_blocks=len(parts), concurrency=1)
    return dataset


class Parts(Datasource):
    """One read task per part.

    Args:
        parts: Parquet files.
        only: Rows to read; all if None.
    """

    def __init__(self, parts: Sequence[Path], only: Only | None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._parts = parts
        self._only = only

    def estimate_inmemory_data_size(self) -> int | None:
        """Unknown; the number of blocks is given."""
        return None

    def get_read_tasks(
        self, parallelism: int, per_task_row_limit: int | None = None, data_context: object = None
    ) -> list[ReadTask]:
        """One per part, in order."""
        return [
            ReadTask(
                partial(_read, part, self._only),
                BlockMetadata(num_rows=None, size_bytes=None, input_files=(str(part),), exec_stats=None),
                per_task_row_limit=per_task_row_limit,
            )
            for part in self._parts
        ]


def _read(part: Path, only: Only | None) -> Iterator[pa.Table]:
    with pq.ParquetFile(part) as file:
        for batch in file.iter_batches():
            table = pa.Table.from_batches([batch])
            if only is not None:
                table = table.filter(pc.is_in(table[only.column], pa.array(only.values, pa.string())))
            if table.num_rows:
                yield table
