"""The request table: problem x mode x sample, written whole before the first request is asked.

Where the configuration was extended, the requests that are new follow those that are there,
whose numbers stay. ``requests/table.json``, written last, says which parts belong to the table.

Longest expected first, so that a run does not end with all engines waiting for one long answer:
by the mode's ``max_tokens``, then hard problems before easy ones, then long questions before
short ones. The order, the ids and the seeds follow from the configuration and the problems.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import chain, groupby, islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from z1ray import identity
from z1ray.files import remove, write_json
from z1ray.records import Row
from z1ray.trajectories.config import GenerateConfig, ModeConfig
from z1ray.trajectories.requests.spool import Spool, write_problems

REQUEST = pa.schema(
    [
        pa.field("request", pa.int64(), nullable=False),  # position in the table
        pa.field("trajectory_id", pa.string(), nullable=False),  # problem_id#mode#sample
        pa.field("problem_id", pa.string(), nullable=False),
        pa.field("mode", pa.string(), nullable=False),
        pa.field("sample", pa.int32(), nullable=False),
        ("question", pa.string()),
        ("error", pa.string()),  # why the source could not use the problem; null if it could
    ]
)

PROBLEMS = "problems.parquet"
_FOLDER = "requests"
_TABLE = "table.json"

# Rows of one part, which one task reads at a time, and rows of it in memory at a time.
_PART = 1 << 16
_CHUNK = 1 << 13


def write_table(config: GenerateConfig, problems: Iterable[Row], output: Path, ready: Iterable[Row] = ()) -> int:
    """Write ``problems.parquet`` and ``requests/``, whole or not at all, or what an extended configuration adds.

    See :func:`prepared`, which this puts in place at once; returns the number of the table's requests.
    """
    with prepared(config, problems, output, ready) as made:
        install(made, output)
    return _Table.read(output).num_requests


@contextmanager
def prepared(
    config: GenerateConfig, problems: Iterable[Row], output: Path, ready: Iterable[Row] = ()
) -> Iterator[Path]:
    """Write the table beside its place, where it stays until the block ends.

    Takes about 30 bytes of memory per problem, and disk for the questions once more meanwhile; to extend a
    table also its problems' ids.

    Args:
        config: Modes and samples.
        problems: Problems to ask, each once; read once, as a stream.
        output: The stage's folder.
        ready: Problems that have trajectories already: recorded, not asked.

    Yields:
        The folder to :func:`install`.

    Raises:
        UserError: If two problems share an id, and what ``problems`` raises.
    """
    made = output / f".{_FOLDER}.partial"
    remove(made)
    made.mkdir(parents=True)
    try:
        there = _Table.read(output) if is_written(output) else _Table()
        scratch = made / "problems.arrow"
        spool = write_problems(problems, ready, made / PROBLEMS, scratch)
        is_old = spool.among(_problem_ids(parts(output)) if there.num_parts else pa.array([], pa.string()))
        chunks = _renumbered(_chunks(config.modes, spool, is_old, there.slots), there.num_requests)
        total, num_parts = _write_parts(chunks, made, there.num_parts)
        scratch.unlink()
        _Table(there.num_parts + num_parts, there.num_requests + total, _slots(config.modes), _asks(config)).write(made)
        yield made
    finally:
        remove(made)


def install(made: Path, output: Path) -> None:
    """Put what :func:`prepared` wrote in place; a table that is there stays whole at every moment."""
    folder = output / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for part in made.glob("part-*.parquet"):
        part.replace(folder / part.name)
    (made / PROBLEMS).replace(output / PROBLEMS)
    (made / _TABLE).replace(folder / _TABLE)


def is_written(output: Path) -> bool:
    """True if ``output`` has a request table."""
    return (output / _FOLDER / _TABLE).exists()


def is_current(config: GenerateConfig, output: Path) -> bool:
    """True if the table in ``output`` is that of the configuration, rather than of one that was extended since."""
    return _Table.read(output).asks == _asks(config)


def parts(output: Path) -> list[Path]:
    """The files of the request table, in order."""
    return [_part(output / _FOLDER, number) for number in range(_Table.read(output).num_parts)]


def num_requests(config: GenerateConfig, output: Path) -> dict[str, int]:
    """Requests of the table by mode."""
    total = _Table.read(output).num_requests
    samples = {name: mode.samples_per_problem for name, mode in config.modes.items()}
    return {name: total * number // sum(samples.values()) for name, number in samples.items()}


@dataclass(frozen=True, slots=True)
class _Slots:
    """What one problem is asked in modes of equal ``max_tokens``: a mode and a sample each."""

    modes: pa.Array
    samples: pa.Array

    def __len__(self) -> int:
        return len(self.modes)

    def pairs(self) -> list[tuple[str, int]]:
        """The same as plain values."""
        return list(zip(self.modes.to_pylist(), self.samples.to_pylist(), strict=True))


@dataclass(frozen=True, slots=True)
class _Table:
    """What ``table.json`` says of the table.

    Attributes:
        num_parts: Files that belong to it.
        num_requests: Its rows.
        slots: Modes and samples that every problem of it is asked in.
        asks: The settings it was made for, by dotted key.
    """

    num_parts: int = 0
    num_requests: int = 0
    slots: tuple[tuple[str, int], ...] = ()
    asks: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, output: Path) -> "_Table":
        found = json.loads((output / _FOLDER / _TABLE).read_text())
        return cls(**{**found, "slots": tuple((mode, sample) for mode, sample in found["slots"])})

    def write(self, folder: Path) -> None:
        write_json(folder / _TABLE, asdict(self))


def _asks(config: GenerateConfig) -> dict[str, Any]:
    """The settings that decide which requests there are, as ``table.json`` gives them back."""
    settings = identity.values({"modes": config.modes, "problems": config.problems, "ready": config.ready})
    return dict(json.loads(json.dumps(settings)))


def _slots(modes: Mapping[str, ModeConfig]) -> tuple[tuple[str, int], ...]:
    return tuple((name, sample) for name, mode in modes.items() for sample in range(mode.samples_per_problem))


def _part(folder: Path, number: int) -> Path:
    return folder / f"part-{number:05d}.parquet"


def _problem_ids(files: Sequence[Path]) -> pa.Array:
    """The problems of a table, each once."""
    tables = [pq.read_table(path, columns=["problem_id"]) for path in files]
    return pc.unique(pa.concat_tables(tables)["problem_id"])


def _write_parts(chunks: Iterator[pa.Table], folder: Path, first: int) -> tuple[int, int]:
    """Write the table as Parquet files of about ``_PART`` rows, numbered from ``first``; numbers of rows and files."""
    total, number = 0, first
    while head := list(islice(chunks, 1)):
        with pq.ParquetWriter(_part(folder, number), REQUEST) as file:
            for chunk in chain(head, islice(chunks, _PART // _CHUNK - 1)):
                file.write_table(chunk)
                total += chunk.num_rows
        number += 1
    return total, number - first


def _renumbered(chunks: Iterator[pa.Table], first: int) -> Iterator[pa.Table]:
    """The chunks with their requests numbered one after the other."""
    for chunk in chunks:
        yield chunk.set_column(0, REQUEST.field("request"), pa.array(range(first, first + chunk.num_rows), pa.int64()))
        first += chunk.num_rows


def _chunks(
    modes: Mapping[str, ModeConfig], spool: Spool, is_old: np.ndarray, asked: Collection[tuple[str, int]]
) -> Iterator[pa.Table]:
    """The requests in order, but those of an old problem in a mode and sample that it was asked in before."""
    order = np.lexsort((-spool.length, spool.rank))  # stable: equal ones stay as they came
    for slots in _groups(modes):
        was_asked = np.array([slot in asked for slot in slots.pairs()])
        size = len(order) * len(slots)
        for start in range(0, size, _CHUNK):
            positions = np.arange(start, min(start + _CHUNK, size))
            chosen, places = order[positions // len(slots)], positions % len(slots)
            is_new = ~(is_old[chosen] & was_asked[places])
            if is_new.any():
                yield _rows(spool.take(chosen[is_new]), places[is_new], slots)


def _groups(modes: Mapping[str, ModeConfig]) -> Iterator[_Slots]:
    """Modes of equal ``max_tokens`` together, the longest first."""
    longest_first = sorted(modes.items(), key=lambda item: -item[1].max_tokens)
    for _, group in groupby(longest_first, key=lambda item: item[1].max_tokens):
        slots = [(name, sample) for name, mode in group for sample in range(mode.samples_per_problem)]
        yield _Slots(pa.array([name for name, _ in slots]), pa.array([sample for _, sample in slots], pa.int32()))


def _rows(problems: pa.Table, chosen: np.ndarray, slots: _Slots) -> pa.Table:
    """Requests of a mode and sample each; their numbers are still to come."""
    modes, samples = slots.modes.take(pa.array(chosen)), slots.samples.take(pa.array(chosen))
    ids = pc.binary_join_element_wise(problems["problem_id"], modes, samples.cast(pa.string()), "#")
    columns = {
        "request": pa.array(np.zeros(len(chosen), np.int64)),
        "trajectory_id": ids,
        "problem_id": problems["problem_id"],
        "mode": modes,
        "sample": samples,
        "question": problems["question"],
        "error": problems["error"],
    }
    return pa.table(columns, schema=REQUEST)
