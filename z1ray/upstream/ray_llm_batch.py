"""Ray Data's vLLM stage: what z1ray changes in it. Checked with Ray 2.60.

Imports the stage, and with it torch; workers need it, launchers do not.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import numpy as np
from ray.llm._internal.batch.stages.vllm_engine_stage import vLLMEngineStageUDF

from z1ray.upstream.ray_data import ENGINE_STAGE, ERROR_COLUMN, RESULT_COLUMN

_Program = Callable[[dict[str, Any], Callable[..., Any]], Awaitable[Any]]  # see ``z1ray.engine.program``


class GenerationError(RuntimeError):
    """The engine refused a generation; the text is its reason."""


class ProgramUDF(vLLMEngineStageUDF):
    """The stage's engine, on which each row runs a program in place of one generation.

    A generation goes the stage's own way (``_generate_with_error_handling``), so its limit of pending requests
    and its exit for a dead engine hold.
    """

    def __init__(self, *, program: _Program, **given: Any) -> None:
        super().__init__(**given)
        self._program = program
        # Each has a generation in the engine at any time, so these fill it. More would queue their first
        # generations before the second ones of those that run, whose prefixes then leave the cache.
        self._running = asyncio.Semaphore(self.max_pending_requests)

    async def _generate_with_error_handling(self, row: dict[str, Any], batch_uuid: UUID) -> dict[str, Any]:
        one_generation = super()._generate_with_error_handling
        index = {self.IDX_IN_BATCH_COLUMN: row[self.IDX_IN_BATCH_COLUMN]}

        async def generate(prompt: Any, sampling: Any) -> Any:
            asked = {**index, "tokenized_prompt": list(prompt), "sampling_params": dict(sampling)}
            answered = await one_generation(asked, batch_uuid)
            if answered[ERROR_COLUMN]:
                raise GenerationError(answered[ERROR_COLUMN])
            return answered["generated_tokens"]

        async with self._running:
            try:
                result = await self._program(plain(row), generate)
            except GenerationError as error:
                return {**index, RESULT_COLUMN: "", ERROR_COLUMN: str(error)}
        return {**index, RESULT_COLUMN: json.dumps(result), ERROR_COLUMN: ""}


def plain(value: Any) -> Any:
    """A value without the arrays that Ray Data makes of lists; the stage's own conversion leaves those within lists."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return [plain(each) for each in value] if isinstance(value, list) else value


def run_program(processor: Any, program: _Program) -> None:
    """Let a processor's engines run ``program`` for each row; the row gets its result as JSON in ``RESULT_COLUMN``.

    Relies on the stage's ``fn``, the class that Ray Data's actors make, and its ``fn_constructor_kwargs``. The stage
    is copied, since assigning to it makes Ray work out its resources again from arguments that are gone by then.

    Args:
        processor: Made by ``ray.data.llm.build_processor`` of a vLLM configuration that continues on errors.
        program: Sent to the engines.
    """
    stage = processor.stages[ENGINE_STAGE]
    arguments = {**stage.fn_constructor_kwargs, "program": program}
    processor.stages[ENGINE_STAGE] = stage.model_copy(update={"fn": ProgramUDF, "fn_constructor_kwargs": arguments})
