"""Ray Data and its LLM stages: what z1ray uses that their documentation does not name. Checked with Ray 2.60."""

from collections.abc import Callable
from typing import Any

PENDING_SUFFIX = ".pending.parquet"
"""Ends the name of a checkpoint's file while the rows that it lists are being written.

Ray Data renames the file once they are (``ray.data.checkpoint.checkpoint_writer``).
"""

ERROR_COLUMN = "__inference_error__"
"""Why a row cannot be or was not answered; empty if it can. The stages let rows pass that have one.

``ray.llm._internal.batch.stages.base`` reads and writes it.
"""

ENGINE_STAGE = "vLLMEngineStage"
"""The name under which a processor has the stage that runs its engines: that of the stage's class."""

RESULT_COLUMN = "__program_result"
"""What a program returned for a row (see ``z1ray.upstream.ray_llm_batch``), as JSON."""


def limit_restarts(processor: Any, most: int) -> None:
    """Set how often Ray starts a processor's engine anew, and its batch again, before the pipeline fails.

    Relies on a stage's ``map_batches_kwargs``, which the processor hands to ``Dataset.map_batches`` when it is
    called; Ray Data's own choice is to restart an actor for ever.

    Args:
        processor: Made by ``ray.data.llm.build_processor`` of a vLLM configuration.
        most: The limit of both.
    """
    _engine_arguments(processor).update(max_restarts=most, max_task_retries=most)


def place_engines(processor: Any, place: Callable[[], dict[str, Any]]) -> None:
    """Let ``place`` make the placement group of each engine that spans several nodes, in place of Ray's own function.

    Relies on ``ray_remote_args_fn`` in the stage's ``map_batches_kwargs``, which Ray sets for engines on Ray's
    executor, and for no others: those are left as they are.

    Args:
        processor: Made by ``ray.data.llm.build_processor`` of a vLLM configuration.
        place: Called once per engine for the remote arguments of its actor.
    """
    arguments = _engine_arguments(processor)
    if "ray_remote_args_fn" in arguments:
        arguments["ray_remote_args_fn"] = place


def _engine_arguments(processor: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = processor.get_stage_by_name(ENGINE_STAGE).map_batches_kwargs
    return arguments
