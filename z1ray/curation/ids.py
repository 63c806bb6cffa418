"""Trajectory ids: their order and, for any task, the id of any row."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from z1ray.curation import store
from z1ray.curation.layout import Layout
from z1ray.curation.text.words import Array
from z1ray.curation.units import Unit, read_unit
from z1ray.errors import UserError
from z1ray.files import replacing

_RANKS = "ranks.npy"
_BATCH_ROWS = 1 << 16


def order_ids(units: Sequence[Unit], layout: Layout) -> dict[str, int]:
    """Write all ids and the rank of each among them, in one task: ids are short, texts are not read.

    Raises:
        UserError: If two rows have the same id.
    """
    schema = pa.schema([pa.field("trajectory_id", pa.large_string(), nullable=False)])
    batches = [table.cast(schema) for unit in units for table in read_unit(unit, schema.names, _BATCH_ROWS)]
    ids = pa.concat_tables(batches).combine_chunks()
    order = pc.sort_indices(ids["trajectory_id"])
    ordered = ids["trajectory_id"].take(order)
    repeats = pc.equal(ordered[1:], ordered[:-1])
    if pc.any(repeats).as_py():
        name = ordered[int(np.argmax(repeats.to_numpy(zero_copy_only=False)))].as_py()
        raise UserError(
            "curate.trajectories", name, "two rows have this id", "remove one of the rows, or generate them anew"
        )
    ranks = np.empty(len(ids), dtype=np.int64)
    ranks[order.to_numpy()] = np.arange(len(ids))
    with (
        replacing(layout.phase("ids") / "ids.arrow") as partial,
        pa.OSFile(str(partial), "wb") as sink,
        pa.ipc.new_file(sink, schema) as writer,
    ):
        writer.write_table(ids, max_chunksize=_BATCH_ROWS)
    store.write_numbers(layout.phase("ids") / _RANKS, ranks)
    return {"rows": len(ids)}


def id_ranks(layout: Layout) -> Array:
    """Position of each row's id among all ids in order."""
    ranks: Array = np.load(layout.phase("ids") / _RANKS)
    return ranks


def ids_of(layout: Layout, rows: Array) -> list[str]:
    """The trajectory ids of rows, by number."""
    ids: list[str] = _ids(layout.phase("ids")).take(pa.array(rows)).to_pylist()
    return ids


def _ids(folder: Path) -> pa.ChunkedArray:
    return store.mapped_table(folder)["trajectory_id"]
