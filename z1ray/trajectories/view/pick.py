"""Choose a few of a run's trajectories by their small columns, then read only those.

A run may hold 10^7 rows and may still be writing: rows are chosen in one streaming
pass over modes, lengths and errors, and only the chosen rows' texts are read.
"""

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from z1ray.errors import UserError
from z1ray.records import TRAJECTORY, Row

_COLUMNS = ("mode", "num_tokens", "error")
_SCAN_ROWS = 65_536
# Texts are long, so few rows at a time are decoded on the way to a chosen one.
_READ_ROWS = 256
_NUM_CANDIDATES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which rows to choose.

    Attributes:
        order: What makes a row come first; with ``id`` the exact id, then ids that begin with it.
        num: How many rows at most.
        mode: Only rows of this mode.
        failed: Only quarantined rows (True), only the others (False), or both.
        id: Only rows whose trajectory id contains this.
        seed: Of the random order.
    """

    order: Literal["random", "longest", "shortest"] = "random"
    num: int = 3
    mode: str | None = None
    failed: bool | None = None
    id: str | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Scan:
    """What a pass over the data found.

    Attributes:
        chosen: Trajectory rows per query, the first in its order first.
        num_matches: Rows that matched, per query.
        modes: Rows per mode.
        num_failed: Quarantined rows.
        num_unfinished: Files left out because they are still being written.
    """

    chosen: list[list[Row]]
    num_matches: list[int]
    modes: Counter[str] = field(default_factory=Counter)
    num_failed: int = 0
    num_unfinished: int = 0


def scan(folder: Path, queries: Sequence[Query]) -> Scan:
    """Choose rows of ``folder/data`` for all queries in one pass.

    Raises:
        UserError: If the folder is missing, has no rows yet, or holds other rows.
    """
    files, num_unfinished = data_files(folder)
    best = [_Best(query) for query in queries]
    modes: Counter[str] = Counter()
    num_failed = 0
    ids = any(query.id is not None for query in queries)
    for index, file in enumerate(files):
        for start, batch in batches(file, (*_COLUMNS, "trajectory_id") if ids else _COLUMNS):
            modes.update({item["values"]: item["counts"] for item in batch["mode"].value_counts().to_pylist()})
            num_failed += len(batch) - batch["error"].null_count
            for one in best:
                one.add(index, start, batch)
    chosen = [[_read(files[file], row) for file, row in one.places.tolist()] for one in best]
    return Scan(chosen, [one.num_matches for one in best], modes, num_failed, num_unfinished)


def closest_ids(folder: Path, asked: str, num: int = 3) -> list[str]:
    """The ids most like one that was not found.

    Shared three-letter pieces preselect, as comparing 10^7 ids letter by letter would take minutes.
    """
    pieces = {asked[i : i + 3] for i in range(max(1, len(asked) - 2))}
    candidates: list[tuple[int, str]] = []
    for file in data_files(folder)[0]:
        for _, batch in batches(file, ("trajectory_id",)):
            ids = batch["trajectory_id"]
            shared = np.zeros(len(batch), dtype=np.int64)
            for piece in pieces:
                shared += _numpy(pc.match_substring(ids, piece))
            candidates += [(int(shared[i]), ids[int(i)].as_py()) for i in np.argsort(-shared)[:_NUM_CANDIDATES]]
        candidates = sorted(candidates, reverse=True)[:_NUM_CANDIDATES]
    return difflib.get_close_matches(asked, [id_ for _, id_ in candidates], n=num, cutoff=0.0)


class _Best:
    """The places of the first rows in a query's order among those seen; of equal rows the earlier."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._random = np.random.default_rng(query.seed)
        self._keys = np.empty(0)
        self.places = np.empty((0, 2), dtype=np.int64)  # file, row in the file
        self.num_matches = 0

    def add(self, file: int, start: int, batch: pa.RecordBatch) -> None:
        rows = np.flatnonzero(_matches(self._query, batch))
        keys = self._order(batch)[rows]
        self.num_matches += len(rows)
        self._keys = np.concatenate([self._keys, keys])
        places = np.stack([np.full(len(rows), file), start + rows], axis=1)
        self.places = np.concatenate([self.places, places])
        first = np.argsort(self._keys, kind="stable")[: self._query.num]
        self._keys, self.places = self._keys[first], self.places[first]

    def _order(self, batch: pa.RecordBatch) -> np.ndarray[Any, Any]:
        """Keys of a batch's rows; the smallest comes first."""
        if self._query.id is not None:
            ids = batch["trajectory_id"]
            exact, begins = pc.equal(ids, self._query.id), pc.starts_with(ids, self._query.id)
            return np.asarray(-1.0 * _numpy(exact) - _numpy(begins))
        if self._query.order == "random":
            return self._random.random(len(batch))
        lengths = _numpy(pc.fill_null(batch["num_tokens"], 0))
        return -lengths if self._query.order == "longest" else lengths


def _matches(query: Query, batch: pa.RecordBatch) -> np.ndarray[Any, Any]:
    keep = np.ones(len(batch), dtype=bool)
    if query.order != "random":
        keep &= _numpy(batch["num_tokens"].is_valid())
    if query.mode is not None:
        keep &= _numpy(pc.equal(batch["mode"], query.mode))
    if query.failed is not None:
        keep &= _numpy(batch["error"].is_valid()) == query.failed
    if query.id is not None:
        keep &= _numpy(pc.match_substring(batch["trajectory_id"], query.id))
    return keep


def data_files(folder: Path) -> tuple[list[Path], int]:
    """The readable files of a run, and the number of those still being written.

    Raises:
        UserError: If the folder is missing, has no rows yet, or holds other rows.
    """
    if not folder.is_dir():
        raise UserError("folder", str(folder), "there is no such folder", _elsewhere(folder, "check the path"))
    paths = sorted((folder / "data").glob("*.parquet"))
    sizes = {path: size for path in paths if (size := _num_rows(path)) is not None}
    files = [path for path, size in sizes.items() if size]
    if not files:
        remedy = _elsewhere(folder, "start jobs/generate.py, or wait until its engines are up and rows are written")
        raise UserError("folder", str(folder), "there are no trajectories in it yet", remedy)
    return files, len(paths) - len(sizes)


def _num_rows(path: Path) -> int | None:
    """Rows in a file of trajectories; None while it is being written: its footer comes last."""
    try:
        metadata = pq.read_metadata(path)
        names, num_rows = metadata.schema.to_arrow_schema().names, int(metadata.num_rows)
    except (pa.ArrowInvalid, FileNotFoundError):
        return None
    if missing := [name for name in ("trajectory_id", *_COLUMNS, "text") if name not in names]:
        problem = f"its rows are not trajectories: they have no column {missing[0]!r} but {', '.join(names)}"
        raise UserError("folder", str(path), problem, "give the folder that jobs/generate.py wrote")
    return num_rows


def _elsewhere(folder: Path, otherwise: str) -> str:
    """A remedy that names the folder meant where an experiment's or a data folder was given."""
    for near in (folder / "trajectories", folder.parent):
        if (near / "data").is_dir():
            return f"did you mean {near}?"
    return otherwise


def batches(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Batches of a file with the number of rows before each."""
    start = 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_SCAN_ROWS, columns=list(columns)):
            yield start, batch
            start += len(batch)


def _read(path: Path, row: int) -> Row:
    """One whole row; columns an older run did not write are None."""
    with pq.ParquetFile(path) as file:
        ends = np.cumsum([file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)])
        group = int(np.searchsorted(ends, row, side="right"))
        start = int(ends[group - 1]) if group else 0
        for batch in file.iter_batches(_READ_ROWS, row_groups=[group]):
            if row < start + len(batch):
                found: Row = batch.slice(row - start, 1).to_pylist()[0]
                return dict.fromkeys(TRAJECTORY.names) | found
            start += len(batch)
    raise AssertionError(f"row {row} vanished from {path}")


def _numpy(values: pa.Array) -> np.ndarray[Any, Any]:
    return np.asarray(values.to_numpy(zero_copy_only=False))
