"""The request table: problem x mode x sample, written whole before the first request is asked.

Longest expected first, so that a run does not end with everybody waiting for one long answer:
by the mode's ``max_tokens``, then hard problems before easy ones, then long questions before
short ones. The order, the ids and the seeds follow from the configuration and the problems.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, groupby, islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

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

# Rows of one part, which one task reads at a time, and rows of it in memory at a time.
_PART = 1 << 16
_CHUNK = 1 << 13


def write_table(config: GenerateConfig, problems: Iterable[Row], output: Path, ready: Iterable[Row] = ()) -> int:
    """Write ``problems.parquet`` and ``requests/part-*.parquet``, whole or not at all.

    Takes about 30 bytes of memory per problem, and disk for the questions once more meanwhile.

    Args:
        config: Modes and samples.
        problems: Problems to ask, each once; read once, as a stream.
        output: The stage's folder.
        ready: Problems that have trajectories already: recorded, not asked.

    Returns:
        The number of requests.

    Raises:
        UserError: If two problems share an id, and what ``problems`` raises.
    """
    partial = output / f"{_FOLDER}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        scratch = partial / "problems.arrow"
        spool = write_problems(problems, ready, partial / PROBLEMS, scratch)
        total = _write_parts(_chunks(config.modes, spool), partial)
        scratch.unlink()
        (partial / PROBLEMS).replace(output / PROBLEMS)
        partial.replace(output / _FOLDER)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return total


def is_written(output: Path) -> bool:
    """True if ``output`` has its request table."""
    return (output / _FOLDER).exists()


def parts(output: Path) -> list[Path]:
    """The files of the request table, in order."""
    return sorted((output / _FOLDER).glob("part-*.parquet"))


def num_requests(config: GenerateConfig, output: Path) -> dict[str, int]:
    """Requests of the table by mode."""
    total = sum(pq.read_metadata(path).num_rows for path in parts(output))
    samples = {name: mode.samples_per_problem for name, mode in config.modes.items()}
    return {name: total * number // sum(samples.values()) for name, number in samples.items()}


@dataclass(frozen=True, slots=True)
class _Slots:
    """What one problem is asked in modes of equal ``max_tokens``: a mode and a sample each."""

    modes: pa.Array
    samples: pa.Array

    def __len__(self) -> int:
        return len(self.modes)


def _write_parts(chunks: Iterator[pa.Table], folder: Path) -> int:
    """Write the table as Parquet files of ``_PART`` rows; the number of rows."""
    total, number = 0, 0
    while first := list(islice(chunks, 1)):
        with pq.ParquetWriter(folder / f"part-{number:05d}.parquet", REQUEST) as file:
            for chunk in chain(first, islice(chunks, _PART // _CHUNK - 1)):
                file.write_table(chunk)
                total += chunk.num_rows
        number += 1
    return total


def _chunks(modes: Mapping[str, ModeConfig], spool: Spool) -> Iterator[pa.Table]:
    order = np.lexsort((-spool.length, spool.rank))  # stable: equal ones stay as they came
    first = 0
    for slots in _groups(modes):
        size = len(order) * len(slots)
        for start in range(0, size, _CHUNK):
            positions = np.arange(start, min(start + _CHUNK, size))
            taken = spool.take(order[positions // len(slots)])
            yield _rows(first + positions, taken, positions % len(slots), slots)
        first += size


def _groups(modes: Mapping[str, ModeConfig]) -> Iterator[_Slots]:
    """Modes of equal ``max_tokens`` together, the longest first."""
    longest_first = sorted(modes.items(), key=lambda item: -item[1].max_tokens)
    for _, group in groupby(longest_first, key=lambda item: item[1].max_tokens):
        slots = [(name, sample) for name, mode in group for sample in range(mode.samples_per_problem)]
        yield _Slots(pa.array([name for name, _ in slots]), pa.array([sample for _, sample in slots], pa.int32()))


def _rows(requests: np.ndarray, problems: pa.Table, chosen: np.ndarray, slots: _Slots) -> pa.Table:
    modes, samples = slots.modes.take(pa.array(chosen)), slots.samples.take(pa.array(chosen))
    ids = pc.binary_join_element_wise(problems["problem_id"], modes, samples.cast(pa.string()), "#")
    columns = {
        "request": pa.array(requests, pa.int64()),
        "trajectory_id": ids,
        "problem_id": problems["problem_id"],
        "mode": modes,
        "sample": samples,
        "question": problems["question"],
        "error": problems["error"],
    }
    return pa.table(columns, schema=REQUEST)
