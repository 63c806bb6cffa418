"""Units of work and pieces of verification."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from z1ray.curation.units import plan_units, read_unit
from z1ray.curation.verify import plan_pieces


@pytest.fixture
def files(tmp_path):
    """Small files, one with three row groups, one with a row group larger than a unit."""
    sizes, paths, start = [(3, 3), (4, 4), (9, 3), (30, 30), (1, 1)], [], 0
    for number, (size, group) in enumerate(sizes):
        paths.append(tmp_path / f"{number}.parquet")
        pq.write_table(pa.table({"row": range(start, start + size)}), paths[-1], row_group_size=group)
        start += size
    return paths


def test_every_row_is_in_one_unit_in_order(files):
    """A row lost or doubled here would be so in all that follows."""
    units = plan_units(files, rows=10)
    read = [table["row"].to_pylist() for unit in units for table in read_unit(unit, ["row"], batch_rows=4)]
    assert [row for rows in read for row in rows] == list(range(47))
    assert max(map(len, read)) == 4
    assert [unit.start for unit in units] == np.cumsum([0, *(unit.num_rows for unit in units)])[:-1].tolist()
    assert [unit.num_rows for unit in units] == [10, 36, 1]
    assert [unit.name for unit in units] == ["00000", "00001", "00002"]


def test_no_file_no_unit():
    """An empty folder is for the stage to refuse."""
    assert plan_units([]) == []


def test_pieces_hold_each_row_once_within_one_unit():
    """Each piece reads one unit's texts; a row checked twice would be paid for twice."""
    rows = np.array([0, 1, 5, *range(100, 140), 250])
    pieces = plan_pieces(rows, np.array([0, 100, 200]))
    assert [row for piece in pieces for row in piece.rows] == rows.tolist()
    assert [(piece.unit, piece.start, len(piece.rows)) for piece in pieces] == [
        ("00000", 0, 3),
        ("00001", 100, 16),
        ("00001", 100, 16),
        ("00001", 100, 8),
        ("00002", 200, 1),
    ]
    assert len({piece.name for piece in pieces}) == len(pieces)


def test_many_rows_make_larger_pieces():
    """A file per sixteen rows is a burden where there are ten million."""
    assert len(plan_pieces(np.arange(1_000_000), np.array([0]))) <= 20_001
