"""Batch inference: a table of requests in, a table of rows out, on Ray Data.

Generation and evaluation share this one pipeline. Every request has a stable
id; Ray Data's job checkpointing records an id in two phases around each file it
writes, so a run that is killed and started again does only what is missing, and
a half-written file is removed first. Small batches with many in flight keep the
engines full (ray#52634); a request that cannot be asked, or that the engine refuses,
becomes a row with an ``error`` instead of ending the job (ray#59194).
"""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from z1ray.connect import connect
from z1ray.engine.args import carries_window
from z1ray.engine.config import EngineConfig
from z1ray.engine.groups import EngineGroups
from z1ray.engine.program import Program
from z1ray.engine.settings import batch_kwargs, batches_in_flight, engine_env, placement
from z1ray.engine.tokens import end_token_ids
from z1ray.files import writing
from z1ray.records import Row, write_rows
from z1ray.upstream.ray_data import ERROR_COLUMN, PENDING_SUFFIX, RESULT_COLUMN, limit_restarts, place_engines

if TYPE_CHECKING:
    from ray.data import Dataset

    from z1ray.engine.parts import Only

# What the engine needs of a request; in the table already, or added by ``prepare``.
REQUEST_FIELDS = [
    pa.field("tokenized_prompt", pa.list_(pa.int32()), nullable=False),
    pa.field("sampling", pa.string(), nullable=False),  # JSON: arguments of vLLM's SamplingParams
]

ToRow = Callable[[Row], Row]
Prepare = Callable[[list[Row]], list[Row]]

# Per engine, over the whole run.
_MAX_RESTARTS = 8

# Building a pipeline imports and sets up what is not made for several threads.
_building = Lock()


def write_requests(rows: list[Row], path: Path, schema: pa.Schema) -> None:
    """Write the whole list of requests before the first is answered."""
    write_rows(rows, path, pa.schema([*schema, *REQUEST_FIELDS]))


def num_answered(done: Path) -> int:
    """Requests recorded as answered in a checkpoint folder."""
    committed = [path for path in done.glob("*.parquet") if not path.name.endswith(PENDING_SUFFIX)]
    return sum(pq.read_metadata(path).num_rows for path in committed)


def answered_rows(data: Path, done: Path) -> Iterator[Row]:
    """Rows of a data folder that a pipeline writes alone, without the files that a kill left half-way."""
    pending = tuple(path.name.removesuffix(PENDING_SUFFIX) for path in done.glob(f"*{PENDING_SUFFIX}"))
    whole = sorted(path for path in data.glob("*.parquet") if not path.name.startswith(pending))
    for path in whole:
        yield from pq.read_table(path).to_pylist()


def run_requests(
    requests: Sequence[Path],
    data: Path,
    done: Path,
    *,
    model: str,
    engine: EngineConfig,
    id_column: str,
    schema: pa.Schema,
    batch_size: int,
    rows_per_file: int,
    to_row: ToRow,
    program: Program | None = None,
    prepare: Prepare | None = None,
    only: "Only | None" = None,
) -> None:
    """Answer every request that has no row yet. Several may run at a time in threads.

    Args:
        requests: Parquet files of requests: ``id_column``, what ``to_row`` needs, and
            ``REQUEST_FIELDS`` unless ``prepare`` adds them. Read one after the other, so the
            first rows are the first asked.
        data: Folder that receives Parquet files of ``schema``; pipelines may share it.
        done: This pipeline's own folder for the ids already answered.
        model: Folder or hub name.
        engine: The engines to run.
        id_column: Unique id of requests and rows.
        schema: Arrow schema of the rows.
        batch_size: Requests handed to an engine at a time.
        rows_per_file: Rows that gather before they are written; a kill loses only these
            and the batches in flight.
        to_row: Turns a request plus ``text``, ``token_ids``, ``num_tokens``,
            ``finish_reason`` and ``error`` into a row of ``schema``; with a program, a request
            plus what that returned and ``error``.
        program: What to run for a request in the engine's process, in place of one generation.
        prepare: Adds to some requests, in a worker, ``REQUEST_FIELDS``, and ``error`` (a text)
            to those that cannot be asked: these become rows without seeing an engine.
        only: Requests to answer; all if None.

    Raises:
        UserError: If ``data`` cannot be written; what was written stays.
    """
    connect()
    # Workers, and Ray's checkpoints, take no path that depends on where a process runs.
    requests, data, done = [part.absolute() for part in requests], data.absolute(), done.absolute()
    groups = EngineGroups(placement(engine))
    try:
        with _building:
            shape = partial(_shape, to_row=to_row, schema=schema, ends=end_token_ids(model))
            unanswered = _unanswered(requests, only, done, id_column, batch_size)
            if prepare is not None:
                ready = partial(_prepare, prepare=prepare)
                unanswered = unanswered.map_batches(
                    ready, batch_format="pyarrow", batch_size=None, zero_copy_batch=True
                )
            answered = _processor(model, engine, batch_size, groups, program)(unanswered.map(_request))
            rows = answered.map_batches(shape, batch_format="pyarrow", batch_size=None, zero_copy_batch=True)
        _write(rows, data, rows_per_file)
    finally:
        groups.remove()


def _unanswered(
    requests: Sequence[Path], only: "Only | None", done: Path, id_column: str, batch_size: int
) -> "Dataset":
    """The requests that ``done`` does not list."""
    from ray.data.checkpoint import CheckpointConfig

    from z1ray.engine.parts import read_parts

    dataset = read_parts(requests, only)
    # The dataset's own context, handed on to all that is made from it: other pipelines have theirs.
    dataset.context.enable_progress_bars = False
    dataset.context.checkpoint_config = CheckpointConfig(
        id_column=id_column, checkpoint_path=str(done), delete_checkpoint_on_success=False
    )
    # Reading alone would put everything into one block: one engine, one file at the very end.
    return dataset.repartition(target_num_rows_per_block=batch_size)


def _write(rows: "Dataset", data: Path, rows_per_file: int) -> None:
    from ray.data import SaveMode

    with writing(data):
        rows.write_parquet(str(data), mode=SaveMode.APPEND, min_rows_per_file=rows_per_file)


def _processor(
    model: str, engine: EngineConfig, batch_size: int, groups: EngineGroups, program: Program | None
) -> Callable[["Dataset"], "Dataset"]:
    from ray.data.llm import build_processor, vLLMEngineProcessorConfig

    in_flight = batches_in_flight(engine, batch_size)
    config = vLLMEngineProcessorConfig(
        model_source=model,
        engine_kwargs=batch_kwargs(engine),
        runtime_env={"env_vars": engine_env(engine)},
        placement_group_config=placement(engine),
        concurrency=(engine.replicas, engine.replicas),
        batch_size=batch_size,
        max_concurrent_batches=in_flight,
        # Ray Data's own choice is twice as many: they would wait at this engine while another idles.
        max_tasks_in_flight_per_actor=in_flight,
        should_continue_on_error=True,
        # Prompts arrive as tokens and the engine writes text: no stage is needed around it.
        chat_template_stage=False,
        tokenize_stage=False,
        detokenize_stage=False,
    )
    processor = build_processor(config)
    # Ray Data would restart an engine for ever; one that keeps dying has a cause to be told.
    limit_restarts(processor, _MAX_RESTARTS)
    place_engines(processor, groups)
    if program is not None:
        from z1ray.upstream.ray_llm_batch import run_program

        run_program(processor, program)
    answer: Callable[[Dataset], Dataset] = processor
    return answer


def _prepare(table: pa.Table, *, prepare: Prepare) -> pa.Table:
    return pa.Table.from_pylist(prepare(table.to_pylist()))


def _request(row: Row) -> Row:
    """A request as Ray Data's stage takes it.

    Raises:
        AssertionError: For a thinking budget, which these engines would ignore.
    """
    sampling = json.loads(row["sampling"])
    assert not carries_window(sampling.get("extra_args")), "a window, and an engine that knows of none"
    # Ray's stages let a row by that has an error already.
    return {**row, "sampling_params": sampling, ERROR_COLUMN: row.get("error") or ""}


def _shape(table: pa.Table, *, to_row: ToRow, schema: pa.Schema, ends: frozenset[int]) -> pa.Table:
    rows = [to_row({**row, **_completion(row, ends)}) for row in table.to_pylist()]
    return pa.Table.from_pylist(rows, schema=schema)


def _completion(row: Row, ends: frozenset[int]) -> dict[str, Any]:
    error = row[ERROR_COLUMN]
    if error:
        return {"text": None, "token_ids": [], "num_tokens": 0, "finish_reason": "error", "error": error}
    if RESULT_COLUMN in row:
        return {**json.loads(row[RESULT_COLUMN]), "error": None}
    tokens = row["generated_tokens"]
    # ray.data.llm does not pass vLLM's own finish reason on.
    finish_reason = "stop" if tokens and tokens[-1] in ends else "length"
    return {
        "text": row["generated_text"],
        "token_ids": tokens,
        "num_tokens": len(tokens),
        "finish_reason": finish_reason,
        "error": None,
    }
