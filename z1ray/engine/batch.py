"""Batch inference: a table of requests in, a table of rows out, on Ray Data.

Generation and evaluation share this one pipeline. Every request has a stable
id; Ray Data's job checkpointing records an id in two phases around each file it
writes, so a run that is killed and started again does only what is missing, and
a half-written file is removed first. Small batches with many in flight keep the
engines full (ray#52634); a request the engine refuses becomes a row with an
``error`` instead of ending the job (ray#59194).
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from z1ray.connect import connect
from z1ray.engine.config import EngineConfig
from z1ray.engine.settings import engine_env, engine_kwargs, placement
from z1ray.engine.tokens import end_token_ids
from z1ray.records import Row, write_rows

if TYPE_CHECKING:
    from ray.data import Dataset

# What every request carries beside the columns its stage needs later on.
REQUEST_FIELDS = [
    pa.field("tokenized_prompt", pa.list_(pa.int32()), nullable=False),
    pa.field("sampling", pa.string(), nullable=False),  # JSON: arguments of vLLM's SamplingParams
]

ToRow = Callable[[Row], Row]

# Ray Data's checkpoint folder; a file that still has the suffix belongs to a write that did not finish.
_DONE = "done"
_PENDING = ".pending.parquet"

# Per engine, over the whole run.
_MAX_RESTARTS = 8


def write_requests(rows: list[Row], path: Path, schema: pa.Schema) -> None:
    """Write the whole list of requests before the first is answered."""
    write_rows(rows, path, pa.schema([*schema, *REQUEST_FIELDS]))


def run_requests(
    requests: Path,
    output: Path,
    *,
    model: str,
    engine: EngineConfig,
    id_column: str,
    schema: pa.Schema,
    batch_size: int,
    to_row: ToRow,
) -> None:
    """Answer every request that ``output`` has no row for yet.

    Args:
        requests: Parquet file of requests: ``id_column``, ``REQUEST_FIELDS`` and what ``to_row`` needs.
        output: Folder; its ``data`` receives Parquet files of ``schema``, its
            ``done`` the ids already answered.
        model: Folder or hub name.
        engine: The engines to run.
        id_column: Unique id of requests and rows.
        schema: Arrow schema of the rows.
        batch_size: Requests handed to an engine, and written, at a time; a kill loses
            only the batches in flight.
        to_row: Turns a request plus ``text``, ``token_ids``, ``num_tokens``,
            ``finish_reason`` and ``error`` into a row of ``schema``.
    """
    import ray
    from ray.data import SaveMode
    from ray.data.checkpoint import CheckpointConfig

    if not _missing(requests, output):
        return
    connect()
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.checkpoint_config = CheckpointConfig(
        id_column=id_column, checkpoint_path=str(output / _DONE), delete_checkpoint_on_success=False
    )
    try:
        # Reading alone would put everything into one block: one engine, one file at the very end.
        asked = ray.data.read_parquet(str(requests)).repartition(target_num_rows_per_block=batch_size)
        answered = _processor(model, engine, batch_size)(asked.map(_request))
        shape = partial(_shape, to_row=to_row, schema=schema, ends=end_token_ids(model))
        rows = answered.map_batches(shape, batch_format="pyarrow", batch_size=None, zero_copy_batch=True)
        rows.write_parquet(str(output / "data"), mode=SaveMode.APPEND)
    finally:
        context.checkpoint_config = None


def _missing(requests: Path, output: Path) -> bool:
    """True unless every request is answered; saves starting an engine for nothing."""
    committed = [path for path in (output / _DONE).glob("*.parquet") if not path.name.endswith(_PENDING)]
    num_done: int = sum(pq.read_metadata(path).num_rows for path in committed)
    return bool(num_done < pq.read_metadata(requests).num_rows)


def _processor(model: str, engine: EngineConfig, batch_size: int) -> Callable[["Dataset"], "Dataset"]:
    from ray.data.llm import build_processor, vLLMEngineProcessorConfig

    config = vLLMEngineProcessorConfig(
        model_source=model,
        engine_kwargs=engine_kwargs(engine),
        runtime_env={"env_vars": engine_env(engine)},
        placement_group_config=placement(engine),
        concurrency=(engine.replicas, engine.replicas),
        batch_size=batch_size,
        # Enough batches in flight to fill the engine twice over.
        max_concurrent_batches=max(2, -(-2 * engine.max_num_seqs // batch_size)),
        should_continue_on_error=True,
        # Prompts arrive as tokens and the engine writes text: no stage is needed around it.
        chat_template_stage=False,
        tokenize_stage=False,
        detokenize_stage=False,
    )
    processor = build_processor(config)
    # Ray Data would restart an engine for ever; one that keeps dying has a cause to be told.
    processor.get_stage_by_name("vLLMEngineStage").map_batches_kwargs.update(
        max_restarts=_MAX_RESTARTS, max_task_retries=_MAX_RESTARTS
    )
    answer: Callable[[Dataset], Dataset] = processor
    return answer


def _request(row: Row) -> Row:
    return {**row, "sampling_params": json.loads(row["sampling"])}


def _shape(table: pa.Table, *, to_row: ToRow, schema: pa.Schema, ends: frozenset[int]) -> pa.Table:
    rows = [to_row({**row, **_completion(row, ends)}) for row in table.to_pylist()]
    return pa.Table.from_pylist(rows, schema=schema)


def _completion(row: Row, ends: frozenset[int]) -> dict[str, Any]:
    error = row.get("__inference_error__") or None
    if error:
        return {"text": None, "token_ids": [], "num_tokens": 0, "finish_reason": "error", "error": error}
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
