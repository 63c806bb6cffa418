"""Filtering by difficulty and choosing `limit` rows by seed, over a stream."""

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from z1ray.problems.config import SourceConfig
from z1ray.progress import say
from z1ray.records import Row

_CHUNK = 1 << 16
# Of a hub dataset so many rows are chosen from, or so many times the limit.
_HUB_ROWS, _HUB_TIMES = 10_000, 10


def choose(read: Callable[[], Iterable[Row]], source: SourceConfig) -> Iterator[Row]:
    """Rows of the asked difficulty, at most ``limit`` of them chosen by ``seed``, in reading order.

    The choice depends on the set of ids alone, not on the order they are read in; of a hub dataset, it is made among
    the first rows, so that the rest is not fetched. A limit reads the source twice, and holds the ids and 9 bytes per
    row while it chooses. What the difficulty hides is counted and told.

    Args:
        read: Reads the source from its start, the same rows each time.
        source: Difficulty, limit and seed.
    """
    hidden: Counter[str] = Counter()
    if source.limit is None:
        chosen = _fitting(read(), source, hidden)
    else:
        which = _chosen(_fitting(read(), source, Counter()), source.limit, source.seed)
        chosen = itertools.compress(_fitting(read(), source, hidden), which)
    yield from chosen
    if hidden:
        parts = ", ".join(f"{count} {name}" for name, count in sorted(hidden.items()))
        say(f"source {source.label!r}: difficulty {', '.join(source.difficulty)} leaves out {parts}")


def _fitting(rows: Iterable[Row], source: SourceConfig, hidden: Counter[str]) -> Iterator[Row]:
    """The rows of the asked difficulty, as many as are chosen from; counts those it passes over."""
    most = _most(source)
    num = 0
    for row in rows:
        if source.difficulty and row["difficulty"] not in source.difficulty:
            hidden[(row["difficulty"] or "of unknown difficulty") if row["question"] else "that cannot be used"] += 1
            continue
        yield row
        num += 1
        if num == most:
            return


def _most(source: SourceConfig) -> int | None:
    if source.kind != "hub" or source.limit is None:
        return None
    return max(_HUB_ROWS, _HUB_TIMES * source.limit)


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
