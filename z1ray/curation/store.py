"""What the phases of curation leave for each other under ``work/``, and how tasks find their way in it.

Tables are Parquet; what is read here and there (problems, ids, shingles) lies in files that
workers map into memory, so a task touches only the pages it needs.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from z1ray.curation.text.words import Array
from z1ray.files import replacing


def write_columns(path: Path, columns: Mapping[str, Any]) -> None:
    """Write columns of numbers or strings as one Parquet file."""
    with replacing(path) as partial:
        pq.write_table(pa.table(dict(columns)), partial)


def read_columns(folder: Path, columns: Sequence[str]) -> dict[str, Array]:
    """Columns of numbers of all Parquet files in a folder, in the order of their names; nulls are refused."""
    parts = [pq.read_table(path, columns=list(columns)) for path in sorted(folder.glob("*.parquet"))]
    return {name: np.concatenate([_numbers(part[name]) for part in parts]) for name in columns}


def joined(parts: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """The columns of several parts, one after the other."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _numbers(column: pa.ChunkedArray) -> Array:
    assert not column.null_count
    return np.asarray(column.to_numpy())


def write_numbers(path: Path, numbers: Array) -> None:
    """Write an array as a file of its own."""
    with replacing(path) as partial, partial.open("wb") as file:
        np.save(file, numbers)


def id_hashes(ids: Iterable[str]) -> Array:
    """A 64-bit hash of each id, the same in every process."""
    return np.array(
        [int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big") for name in ids], dtype=np.uint64
    )


def mapped(path: Path) -> Array:
    """An array that ``write_numbers`` wrote, mapped into memory."""
    return _mapped(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=256)  # each holds a file open
def _mapped(path: Path, changed: int) -> Array:
    numbers: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    return numbers


class Shingles:
    """The sorted shingles of any text of a folder, mapped into memory.

    Args:
        folder: Holds one array per unit, named as the unit.
        starts: Number of each unit's first text.
        offsets: Where each text's shingles begin among those of all, and the end of the last.
    """

    def __init__(self, folder: Path, starts: Array, offsets: Array) -> None:
        self._folder, self._starts, self._offsets = folder, starts, offsets

    def __getitem__(self, text: int) -> Array:
        unit = int(np.searchsorted(self._starts, text, side="right")) - 1
        before = self._offsets[self._starts[unit]]
        begin, end = self._offsets[text] - before, self._offsets[text + 1] - before
        return mapped(self._folder / f"{unit:05d}.npy")[begin:end]


def mapped_table(folder: Path) -> pa.Table:
    """All Arrow files of a folder as one table, mapped into memory, in the order of their names."""
    return _mapped_table(folder, folder.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _mapped_table(folder: Path, changed: int) -> pa.Table:
    paths = sorted(folder.glob("*.arrow"))
    return pa.concat_tables([pa.ipc.open_file(pa.memory_map(str(path))).read_all() for path in paths])
