"""Whoever watches a job sees rows appear and a time left that leaves the start-up out."""

import time

import pyarrow as pa

from z1ray.progress import MARK, _left, watch
from z1ray.records import write_rows

SCHEMA = pa.schema([("a", pa.int32())])


def test_rows_are_told_as_they_appear(tmp_path, capsys):
    """A line per growth, marked for people; a file still being written does not break the count."""
    seen = ""
    with watch("copy", tmp_path, 5, every_s=0.05):
        write_rows([{"a": 1}] * 2, tmp_path / "1.parquet", SCHEMA)
        (tmp_path / "2.parquet").write_bytes(b"PAR1 half a file")
        while "2/5" not in seen:
            time.sleep(0.05)
            seen += capsys.readouterr().out
        write_rows([{"a": 1}] * 3, tmp_path / "2.parquet", SCHEMA)
    lines = (seen + capsys.readouterr().out).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(MARK + "copy: 2/5 rows in ")
    assert lines[1].startswith(MARK + "copy: 5/5 rows in ")


def test_time_left_leaves_the_start_up_out():
    """60 s of start-up, then 10 rows in 5 s: 20 more take 10 s, not 80."""
    assert _left([(0.0, 0), (60.0, 10), (65.0, 20)], 40) == ", about 10 s left"
    assert _left([(0.0, 0), (60.0, 10)], 40) == ""
    assert _left([(0.0, 0), (60.0, 10), (70.0, 40)], 40) == ""
