"""Problems on their way from the sources to the request table, whatever their number.

Rows go to ``problems.parquet``, what the table needs of them to a memory-mapped scratch file;
in memory stay a few bytes per problem: the keys of the order.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from z1ray.problems.repeats import Repeats
from z1ray.records import PROBLEM, Row

# Problems per row group of problems.parquet and per batch of the scratch file.
BATCH = 1 << 13

_SCRATCH = pa.schema([("problem_id", pa.string()), ("question", pa.string()), ("error", pa.string())])
_RANKS = {"hard": 0, "medium": 1, None: 2, "easy": 3}


class Spool:
    """Problems that are written, in the order they came.

    Args:
        scratch: The file that ``write_problems`` left.
        rank: uint8[num_problems], hard 0, medium 1, unknown 2, easy 3.
        length: int32[num_problems], bytes of the question.
    """

    def __init__(self, scratch: Path, rank: np.ndarray, length: np.ndarray) -> None:
        self.rank = rank
        self.length = length
        self._reader = pa.ipc.open_file(pa.memory_map(str(scratch)))

    def __len__(self) -> int:
        return len(self.rank)

    def among(self, problem_ids: pa.Array) -> np.ndarray:
        """bool[num_problems]: which of the problems have one of these ids."""
        found = [
            pc.is_in(self._ids(number), value_set=problem_ids) for number in range(self._reader.num_record_batches)
        ]
        return np.concatenate([np.empty(0, bool), *(some.to_numpy(zero_copy_only=False) for some in found)])

    def _ids(self, number: int) -> pa.Array:
        return self._reader.get_batch(number).column(0)

    def take(self, indices: np.ndarray) -> pa.Table:
        """Columns ``problem_id``, ``question`` and ``error`` of these problems, in this order.

        Args:
            indices: int64[n]; any order, repeated as often as asked.
        """
        by_batch = np.argsort(indices, kind="stable")
        wanted = indices[by_batch]
        numbers, starts = np.unique(wanted // BATCH, return_index=True)
        pieces = [
            pa.table(self._reader.get_batch(int(number))).take(some - number * BATCH)
            for number, some in zip(numbers, np.split(wanted, starts[1:]), strict=True)
        ]
        back = np.empty_like(by_batch)
        back[by_batch] = np.arange(len(indices))
        return pa.concat_tables(pieces).combine_chunks().take(back)


def write_problems(asked: Iterable[Row], ready: Iterable[Row], path: Path, scratch: Path) -> Spool:
    """Write the problems of a run.

    Args:
        asked: Problems to ask.
        ready: Problems that have trajectories already; not part of the spool.
        path: The file of all of them, ``PROBLEM`` rows.
        scratch: Where the spool keeps its part.

    Raises:
        UserError: If two problems share an id.
    """
    repeats, ranks, lengths = Repeats(), [np.empty(0, np.uint8)], [np.empty(0, np.int32)]
    with pq.ParquetWriter(path, PROBLEM) as all_rows, pa.ipc.new_file(str(scratch), _SCRATCH) as kept:
        for table in _tables(asked, repeats):
            all_rows.write_table(table)
            kept.write_table(_scratch(table), max_chunksize=BATCH)
            ranks.append(np.array([_RANKS[name] for name in table["difficulty"].to_pylist()], np.uint8))
            lengths.append(pc.fill_null(pc.binary_length(table["question"]), 0).to_numpy())
        for table in _tables(ready, repeats):
            all_rows.write_table(table)
    repeats.refuse(_ids(path), "problem_id")
    return Spool(scratch, np.concatenate(ranks), np.concatenate(lengths))


def _tables(rows: Iterable[Row], repeats: Repeats) -> Iterator[pa.Table]:
    left = iter(rows)
    while batch := list(islice(left, BATCH)):
        for row in batch:
            repeats.note(row["problem_id"])
        yield pa.Table.from_pylist(batch, schema=PROBLEM)


def _scratch(table: pa.Table) -> pa.Table:
    error = pa.nulls(table.num_rows, pa.string())
    if pc.any(pc.equal(table["question"], "")).as_py():
        error = pa.array(map(_error, table["question"].to_pylist(), table["metadata"].to_pylist()), pa.string())
    return pa.table([table["problem_id"], table["question"], error], schema=_SCRATCH)


def _error(question: str, metadata: str | None) -> str | None:
    """What the source found wrong with a row that it could not use."""
    if question or metadata is None:
        return None
    found = json.loads(metadata).get("error")
    return found and f"unusable problem: {' '.join(found.split())}"


def _ids(path: Path) -> Iterator[str]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=["problem_id"]):
            yield from batch.column(0).to_pylist()
