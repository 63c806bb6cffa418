"""Ray Data's vLLM stage still has what a program on its engine relies on."""

import asyncio
import inspect
import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from z1ray.upstream.ray_data import ENGINE_STAGE, ERROR_COLUMN, RESULT_COLUMN
from z1ray.upstream.ray_llm_batch import ProgramUDF, plain, run_program


class CountingEngine:
    """Ray's wrapper of vLLM: the next tokens after the prompt's last; none for an empty prompt."""

    def __init__(self, model: str, max_pending_requests: int | None = None, **_: Any) -> None:
        self.max_pending_requests = max_pending_requests or 2
        self.waiting = self.most = 0

    def get_scheduler_config(self) -> Any:
        """What the stage compares its batches with."""
        return SimpleNamespace(max_num_seqs=2)

    async def generate_async(self, row: dict[str, Any]) -> tuple[Any, dict[str, Any], float]:
        """One generation."""
        prompt, sampling = row.pop("tokenized_prompt"), row.pop("sampling_params")
        if not prompt:
            raise ValueError("an empty prompt")
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        await asyncio.sleep(0)
        self.waiting -= 1
        tokens = list(range(prompt[-1] + 1, prompt[-1] + 1 + sampling["max_tokens"]))
        request = SimpleNamespace(request_id=0, idx_in_batch=row["__idx_in_batch"], params=sampling)
        return request, {"generated_tokens": tokens}, 0.1

    def shutdown(self) -> None:
        """Nothing is left behind."""


async def there_and_on(request: dict[str, Any], generate: Any) -> dict[str, Any]:
    """Two tokens, then two answers to them at once."""
    first = await generate(request["prompt"], {"max_tokens": 2})
    both = await asyncio.gather(*(generate([*request["prompt"], *first], {"max_tokens": n}) for n in (1, 3)))
    return {"first": list(first), "answers": [list(answer) for answer in both]}


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> ProgramUDF:
    """The stage as an actor makes it, without vLLM behind it."""
    module = "ray.llm._internal.batch.stages.vllm_engine_stage"
    monkeypatch.setattr(f"{module}.vLLMEngineWrapper", CountingEngine)
    monkeypatch.setattr(f"{module}.download_model_files", lambda **_: "m")
    return ProgramUDF(
        program=there_and_on,
        data_column="data",
        expected_input_keys=["prompt"],
        batch_size=8,
        max_concurrent_batches=2,
        model="m",
        engine_kwargs={"disable_log_stats": True},
        should_continue_on_error=True,
    )


def answered(stage: ProgramUDF, prompts: list[Any]) -> list[dict[str, Any]]:
    async def run() -> list[dict[str, Any]]:
        rows = np.array([{"id": number, "prompt": prompt} for number, prompt in enumerate(prompts)])
        return [row async for batch in stage({"data": rows}) for row in batch["data"]]

    return asyncio.run(run())


def test_a_row_runs_its_program_on_the_stages_engine(stage: ProgramUDF) -> None:
    """One row in, one row out, in order, with what the second generations made of the first."""
    rows = answered(stage, [np.array([1]), np.array([10])])
    assert [row["id"] for row in rows] == [0, 1]
    assert json.loads(rows[0][RESULT_COLUMN]) == {"first": [2, 3], "answers": [[4], [4, 5, 6]]}
    assert json.loads(rows[1][RESULT_COLUMN]) == {"first": [11, 12], "answers": [[13], [13, 14, 15]]}
    assert {row[ERROR_COLUMN] for row in rows} == {""}


def test_a_program_gets_lists_as_they_were_written(stage: ProgramUDF) -> None:
    """Ray Data hands over arrays of arrays, whose numbers JSON does not take."""
    lists = np.empty(2, dtype=object)
    lists[:] = [np.array([1, 2], dtype=np.int32), np.array([], dtype=np.int32)]
    assert json.dumps(plain({"draws": lists, "trace": np.array([3]), "id": "a", "sampling": {"stop": [lists[0]]}}))
    assert plain(lists) == [[1, 2], []]


def test_a_refused_generation_is_its_rows_error_alone(stage: ProgramUDF) -> None:
    """The others of the batch are answered."""
    refused, well = answered(stage, [[], [1]])
    assert "an empty prompt" in refused[ERROR_COLUMN]
    assert (well[ERROR_COLUMN], bool(well[RESULT_COLUMN])) == ("", True)


def test_only_as_many_programs_run_as_fill_the_engine(stage: ProgramUDF) -> None:
    """Else all first generations would queue before the second ones, whose prefixes are evicted meanwhile."""
    assert stage.max_pending_requests == 2
    answered(stage, [[number] for number in range(8)])
    engine: Any = stage.llm
    # Two programs, each with two generations at once.
    assert engine.most == 4


def test_the_stage_generates_as_a_program_calls_it() -> None:
    """A method of another name would never be called, and a row answered by one generation."""
    from ray.llm._internal.batch.stages.vllm_engine_stage import vLLMEngineStageUDF

    method = vLLMEngineStageUDF._generate_with_error_handling
    assert list(inspect.signature(method).parameters) == ["self", "row", "batch_uuid"]
    assert "self._generate_with_error_handling(row, batch_uuid)" in inspect.getsource(vLLMEngineStageUDF.udf)
    assert vLLMEngineStageUDF.IDX_IN_BATCH_COLUMN == "__idx_in_batch"


@pytest.mark.ray
def test_a_processor_starts_engines_that_run_the_program(ray_cluster: None) -> None:
    """With the resources and limits that the stage had: assigning to it would ask for a GPU."""
    from ray.data.llm import build_processor, vLLMEngineProcessorConfig

    processor = build_processor(
        vLLMEngineProcessorConfig(
            model_source="m",
            placement_group_config={"bundles": [{"CPU": 1}]},
            chat_template_stage=False,
            tokenize_stage=False,
            detokenize_stage=False,
        )
    )
    before = processor.get_stage_by_name(ENGINE_STAGE).get_dataset_map_batches_kwargs(4, "data")
    run_program(processor, there_and_on)
    stage = processor.get_stage_by_name(ENGINE_STAGE)
    after = stage.get_dataset_map_batches_kwargs(4, "data")
    assert stage.fn is ProgramUDF
    assert after["fn_constructor_kwargs"].pop("program") is there_and_on
    assert after == before
    assert (after["num_cpus"], after.get("num_gpus")) == (1, None)
