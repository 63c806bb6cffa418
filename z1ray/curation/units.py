"""Units of work: some rows of a folder of Parquet files that one task reads, a batch at a time.

A unit is whole row groups, so no task reads what another needs. Units depend on the files alone,
never on the cluster: whatever the number of nodes, the same rows come together.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 1024
# Texts are long and their words as numbers longer: this many rows are worked on at a time.
BATCH_ROWS = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Rows that belong together.

    Attributes:
        number: Position among the units.
        start: Number of its first row among all rows.
        num_rows: Its rows.
        pieces: Files, each with the row groups to read of it.
    """

    number: int
    start: int
    num_rows: int
    pieces: tuple[tuple[str, tuple[int, ...]], ...]

    @property
    def name(self) -> str:
        """What its files are called."""
        return f"{self.number:05d}"


def plan_units(files: Sequence[Path], rows: int = ROWS) -> list[Unit]:
    """Units of about ``rows`` rows, or of one row group where that is larger."""
    units: list[Unit] = []
    pieces: dict[str, tuple[int, ...]] = {}
    start = gathered = 0
    for path, group, num_rows in _groups(files):
        pieces[path] = (*pieces.get(path, ()), group)
        gathered += num_rows
        if gathered >= rows:
            units.append(Unit(number=len(units), start=start, num_rows=gathered, pieces=tuple(pieces.items())))
            pieces, start, gathered = {}, start + gathered, 0
    if gathered:
        units.append(Unit(number=len(units), start=start, num_rows=gathered, pieces=tuple(pieces.items())))
    return units


def read_unit(unit: Unit, columns: Sequence[str], batch_rows: int = BATCH_ROWS) -> Iterator[pa.Table]:
    """The unit's rows in order, ``batch_rows`` at a time."""
    pending: list[pa.Table] = []
    for path, groups in unit.pieces:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_rows, row_groups=list(groups), columns=list(columns)):
                pending.append(pa.Table.from_batches([batch]))
                if sum(map(len, pending)) >= batch_rows:
                    yield from _take(pending, batch_rows)
    if pending:
        yield pa.concat_tables(pending)


def _take(pending: list[pa.Table], batch_rows: int) -> Iterator[pa.Table]:
    """The first ``batch_rows`` rows; the others stay pending."""
    table = pa.concat_tables(pending)
    pending[:] = [table[batch_rows:]] if len(table) > batch_rows else []
    yield table[:batch_rows]


def _groups(files: Sequence[Path]) -> Iterator[tuple[str, int, int]]:
    for path in files:
        metadata = pq.read_metadata(path)
        for group in range(metadata.num_row_groups):
            yield str(path), group, metadata.row_group(group).num_rows
