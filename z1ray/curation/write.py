"""The last phase: rows with what was decided about them, as the dataset's files."""

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from z1ray.curation import store
from z1ray.curation.ids import ids_of
from z1ray.curation.layout import Layout, Shared
from z1ray.curation.rows import NOT_RUN, PASSED, REASONS, Rows
from z1ray.curation.tasks import run_tasks
from z1ray.curation.text.words import Array
from z1ray.curation.units import Unit
from z1ray.files import replacing
from z1ray.records import EXAMPLE

TRAIN, DROPPED = "train", "dropped"
_BATCH_ROWS = 256
# What the content hash covers: what was decided and what is trained on.
_HASHED = ("trajectory_id", "question", "text", "drop_reason", "duplicate_of", "contaminated_by", "verdict")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Names:
    """Names for the numbers in the decisions."""

    verdicts: list[str | None]
    benchmarks: list[str]


def write_dataset(units: list[Unit], rows: Rows, shared: Shared) -> str:
    """Write all rows, kept and dropped ones into files of their own.

    Returns:
        A hash of the content, whatever the order of the rows and their division into files.
    """
    layout = shared.layout
    for unit in units:
        store.write_columns(_decisions(layout, unit), _columns(rows, unit, shared))
    names = _Names(verdicts=rows.verdicts, benchmarks=shared.index.problem_ids)
    written = run_tasks(
        "writing",
        units,
        [unit.name for unit in units],
        partial(_write_unit, layout=layout, names=names),
        layout.phase("done-write"),
        sizes=[unit.num_rows for unit in units],
        parallelism=shared.config.parallelism,
    )
    assert sum(each["rows"] for each in written) == len(rows), "a row was lost or doubled"
    return f"{sum(int(each['content'], 16) for each in written) % (1 << 128):032x}"


def _decisions(layout: Layout, unit: Unit) -> Any:
    return layout.phase("decisions") / f"{unit.name}.parquet"


def _columns(rows: Rows, unit: Unit, shared: Shared) -> dict[str, Array]:
    own = slice(unit.start, unit.start + unit.num_rows)
    gram = rows.gram[own]
    benchmark = np.full(len(gram), -1, dtype=np.int64)
    benchmark[gram >= 0] = shared.index.problem_of[gram[gram >= 0]]
    return {
        "reason": rows.reason[own],
        "verified": rows.verified[own],
        "verdict": rows.verdict[own],
        "duplicate_of": rows.duplicate_of[own],
        "benchmark": benchmark,
    }


def _write_unit(unit: Unit, *, layout: Layout, names: _Names) -> dict[str, Any]:
    decisions = pq.read_table(_decisions(layout, unit))
    kept = pc.equal(decisions["reason"], 0)
    tables, content, start = [], 0, 0
    with pq.ParquetFile(layout.phase("clean") / f"{unit.name}.parquet") as file:
        for batch in file.iter_batches(_BATCH_ROWS):
            rows = pa.Table.from_batches([batch])
            tables.append(_examples(rows, decisions[start : start + len(rows)], layout, names))
            content += _content(tables[-1])
            start += len(rows)
    table = pa.concat_tables(tables)
    for split, keep in ((TRAIN, kept), (DROPPED, pc.invert(kept))):
        if pc.any(keep).as_py():
            with replacing(layout.data / f"{split}-{unit.name}.parquet") as path:
                pq.write_table(table.filter(keep), path, row_group_size=_BATCH_ROWS)
    return {"rows": start, "content": f"{content % (1 << 128):032x}"}


def _examples(rows: pa.Table, decisions: pa.Table, layout: Layout, names: _Names) -> pa.Table:
    columns = {name: rows[name] for name in EXAMPLE.names if name in rows.column_names}
    reasons, verified = decisions["reason"].to_pylist(), decisions["verified"].to_pylist()
    columns |= {
        "verified": pa.array([None if each == NOT_RUN else each == PASSED for each in verified], pa.bool_()),
        "verdict": pa.array([names.verdicts[each] for each in decisions["verdict"].to_pylist()], pa.string()),
        "kept": pa.array([reason == 0 for reason in reasons]),
        "drop_reason": pa.array([REASONS[reason] for reason in reasons], pa.string()),
        "duplicate_of": _ids(layout, decisions["duplicate_of"].to_numpy()),
        "contaminated_by": pa.array(
            [None if each < 0 else names.benchmarks[each] for each in decisions["benchmark"].to_pylist()], pa.string()
        ),
    }
    return pa.table({name: columns[name] for name in EXAMPLE.names}).cast(EXAMPLE)


def _ids(layout: Layout, rows: Array) -> pa.Array:
    places = np.flatnonzero(rows >= 0)
    ids: list[str | None] = [None] * len(rows)
    for place, name in zip(places.tolist(), ids_of(layout, rows[places]), strict=True):
        ids[place] = name
    return pa.array(ids, pa.string())


def _content(table: pa.Table) -> int:
    columns = [table[name].to_pylist() for name in _HASHED]
    return sum(
        int.from_bytes(hashlib.sha256(repr(row).encode("utf-8", "surrogatepass")).digest()[:16], "big")
        for row in zip(*columns, strict=True)
    )
