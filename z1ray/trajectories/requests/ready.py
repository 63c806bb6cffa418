"""Trajectories generated elsewhere: read from a hub dataset or from files, written into a run's rows.

Curation goes on with them as with generated ones. The defaults fit
``efficientscaling/Z1-Code-Reasoning-107K`` (107,173 rows with columns ``id``, ``question``,
``response``, ``token_num_qwen``; split ``train``)::

    ready:
      - {kind: hub, path: efficientscaling/Z1-Code-Reasoning-107K}
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from z1ray.errors import UserError
from z1ray.files import replacing
from z1ray.problems.columns import PROBLEM_FIELDS, Fields, Record, not_text
from z1ray.problems.load import usable_or_not
from z1ray.problems.repeats import Repeats
from z1ray.problems.tables import read_records
from z1ray.problems.usable import require_usable
from z1ray.prompts import chat_messages
from z1ray.records import TRAJECTORY, Row, trajectory_id
from z1ray.trajectories.config import ReadyConfig

READY_FIELDS = Fields((*PROBLEM_FIELDS.known, "response", "trajectory_id"), ("question", "response"))

# Rows per row group of the file that they are written to.
_GROUP = 1 << 12


@contextmanager
def taking_over(configs: Sequence[ReadyConfig], data: Path) -> Iterator[None]:
    """Write the ready trajectories that ``data`` lacks before the block; their file appears when it ends well.

    A file ``ready-N.parquet`` holds the rows of the sources up to number N, less those of the files before it,
    so a configuration with one more source adds a file and leaves the others as they are.

    Args:
        configs: All sources.
        data: Folder of the run's rows.

    Raises:
        UserError: As for ``read_ready``; nothing is written then.
    """
    first = max((int(path.stem.removeprefix("ready-")) + 1 for path in data.glob("ready-*.parquet")), default=0)
    if first >= len(configs):
        yield
        return
    with replacing(data / f"ready-{len(configs) - 1:05d}.parquet") as partial:
        rows = read_ready(configs, first=first)
        with pq.ParquetWriter(partial, TRAJECTORY) as file:
            while group := list(islice(rows, _GROUP)):
                file.write_table(pa.Table.from_pylist(group, schema=TRAJECTORY))
        yield


def read_ready(configs: Sequence[ReadyConfig], *, first: int = 0) -> Iterator[Row]:
    """Trajectory rows of all sources, in the order given, streamed.

    Ids are ``name/N#mode#0`` with the row's number (or file and line) as N; rows that share a
    ``problem_id`` of their own are its samples 0, 1, ... A row that cannot be used has ``error`` set.
    Tokens are not counted here: curation counts them with its own tokenizer.

    Args:
        configs: The sources.
        first: Number of the first source whose rows are wanted; those before it are read for their ids alone.

    Raises:
        UserError: If a source is missing or lacks a column, if no row of it can be used, or,
            after the last row, if two trajectories share an id.
    """
    repeats = Repeats()
    for number, config in enumerate(configs):
        for row in _usable((trajectory for _, trajectory in _pairs(config)), config):
            repeats.note(row["trajectory_id"])
            if number >= first:
                yield row
    again = (row["trajectory_id"] for config in configs for _, row in _pairs(config))
    repeats.refuse(again, "trajectory_id")


def read_ready_problems(configs: Sequence[ReadyConfig]) -> Iterator[Row]:
    """Problem rows of the questions of ``read_ready``, each once, streamed.

    Raises:
        UserError: As for ``read_ready``.
    """
    repeats = Repeats()
    for config in configs:
        for problem, trajectory in _pairs(config):
            if trajectory["sample"] == 0:
                repeats.note(problem["problem_id"])
                yield problem
    again = (row["problem_id"] for config in configs for row, one in _pairs(config) if one["sample"] == 0)
    repeats.refuse(again, "problem_id")


def _pairs(config: ReadyConfig) -> Iterator[tuple[Row, Row]]:
    """Each record as a problem and a trajectory.

    Samples are counted only for rows with a ``problem_id`` of their own; that holds those ids in memory.
    """
    source = config.source
    first_questions: dict[str, int] = {}
    num_samples: Counter[str] = Counter()
    for record in read_records(source, READY_FIELDS):
        problem = usable_or_not(record, source)
        error = _error(record, problem, config)
        sample = 0
        if record.values.get("problem_id") is not None:
            name = problem["problem_id"]
            sample = num_samples[name]
            num_samples[name] += 1
            if first_questions.setdefault(name, hash(problem["question"])) != hash(problem["question"]):
                error = error or f"{record.where}: problem_id {name!r} stands for another question in a row before"
        yield problem, _trajectory(record, problem, config, sample, error)


def _trajectory(record: Record, problem: Row, config: ReadyConfig, sample: int, error: str | None) -> Row:
    own_id = record.values.get("trajectory_id")
    id_ = trajectory_id(problem["problem_id"], config.mode, sample)
    return dict.fromkeys(TRAJECTORY.names) | {
        "trajectory_id": id_ if own_id is None or not_text(own_id) else f"{config.name}/{own_id}",
        "problem_id": problem["problem_id"],
        "mode": config.mode,
        "sample": sample,
        "model": config.model,
        "messages": chat_messages(problem["question"], None),
        "text": None if error else record.values["response"],
        "finish_reason": "error" if error else "stop",
        "sampling": "{}",
        "error": error,
    }


def _error(record: Record, problem: Row, config: ReadyConfig) -> str | None:
    """Why the row cannot be used, or None."""
    if not problem["question"]:
        return str(json.loads(problem["metadata"])["error"])
    for field_, required in (("response", True), ("trajectory_id", False)):
        value = record.values.get(field_)
        if (required or value is not None) and (reason := not_text(value)):
            return f"{record.where}: {config.columns.get(field_, field_)} {reason}"
    return None


def _usable(rows: Iterator[Row], config: ReadyConfig) -> Iterator[Row]:
    field = f"source {config.name!r}"
    empty = UserError(field, config.path, "it has no rows", "fix the source, or name another")
    return require_usable(rows, lambda row: row["error"], field=field, path=config.path, empty=empty)
