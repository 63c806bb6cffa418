"""Filtering by difficulty and choosing `limit` rows by seed, over a stream."""

import itertools
import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from z1ray.problems.config import SourceConfig
from z1ray.records import Row

_CHUNK = 1 << 16


def choose(read: Callable[[], Iterable[Row]], source: SourceConfig) -> Iterator[Row]:
    """Rows of the asked difficulty, at most ``limit`` of them chosen by ``seed``, in reading order.

    The choice depends on the set of ids alone, not on the order they are read in. A limit
    reads the source twice, and holds the ids and 9 bytes per row while it chooses.

    Args:
        read: Reads the source from its start, the same rows each time.
        source: Difficulty, limit and seed.
    """
    if source.limit is None:
        return _fitting(read(), source)
    return itertools.compress(_fitting(read(), source), _chosen(_fitting(read(), source), source.limit, source.seed))


def _fitting(rows: Iterable[Row], source: SourceConfig) -> Iterator[Row]:
    return (row for row in rows if not source.difficulty or row["difficulty"] in source.difficulty)


def _chosen(rows: Iterable[Row], limit: int, seed: int) -> Any:
    """Which rows to take: bool[num_rows]."""
    ids = _ids(rows)
    if limit >= len(ids):
        return np.ones(len(ids), np.bool_)
    order = pc.sort_indices(ids).to_numpy()
    chosen = np.zeros(len(ids), np.bool_)
    chosen[order[random.Random(seed).sample(range(len(ids)), limit)]] = True
    return chosen


def _ids(rows: Iterable[Row]) -> pa.ChunkedArray:
    ids = iter(row["problem_id"] for row in rows)
    chunks = iter(lambda: list(itertools.islice(ids, _CHUNK)), [])
    return pa.chunked_array([pa.array(chunk, pa.string()) for chunk in chunks], pa.string())
