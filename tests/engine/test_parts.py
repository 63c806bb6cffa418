"""Requests reach the engines in the order of their table, those of other teachers left out."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest


@pytest.mark.ray
def test_parts_are_read_in_order(ray_cluster, tmp_path):
    """Read side by side, the last part's short requests would go ahead of the first one's long ones."""
    from z1ray.engine.parts import Only, read_parts

    parts = []
    for number in range(6):
        rows = range(number * 100, number * 100 + 100)
        parts.append(tmp_path / f"part-{number}.parquet")
        # The first part takes longest to read.
        body = "x" * (20_000 if number == 0 else 1)
        columns = {"request": rows, "mode": [("long", "short")[i % 2] for i in rows], "question": [body] * 100}
        pq.write_table(pa.table({name: list(values) for name, values in columns.items()}), parts[-1])
    assert [row["request"] for row in read_parts(parts, None).iter_rows()] == list(range(600))
    short = read_parts(parts, Only("mode", ["short"]))
    assert [row["request"] for row in short.iter_rows()] == list(range(1, 600, 2))
