"""Ray Data and its LLM stages still have what z1ray's upstream functions rely on."""

import inspect

import pytest

from z1ray.upstream.ray_data import ERROR_COLUMN, PENDING_SUFFIX, limit_restarts, place_engines


def made(backend):
    """A processor as generation builds one; no engine starts, but Ray looks for a cluster to report to."""
    from ray.data.llm import build_processor, vLLMEngineProcessorConfig

    return build_processor(
        vLLMEngineProcessorConfig(
            model_source="m",
            engine_kwargs={"distributed_executor_backend": backend},
            placement_group_config={"bundles": [{"CPU": 1}]},
            chat_template_stage=False,
            tokenize_stage=False,
            detokenize_stage=False,
        )
    )


@pytest.mark.ray
@pytest.mark.parametrize(("backend", "is_placed"), [("ray", True), ("mp", False)])
def test_what_is_set_reaches_the_call_that_starts_the_engines(backend, is_placed, ray_cluster):
    """The limit of restarts for every engine, the placement only for those whose workers Ray places."""
    processor = made(backend)
    limit_restarts(processor, 8)
    place_engines(processor, dict)
    (stage,) = processor.stages.values()
    arguments = stage.get_dataset_map_batches_kwargs(batch_size=4, data_column=processor.DATA_COLUMN)
    assert (arguments["max_restarts"], arguments["max_task_retries"]) == (8, 8)
    assert (arguments.get("ray_remote_args_fn") is dict) is is_placed


def test_a_checkpoints_unfinished_file_ends_in_the_suffix():
    """Their ids would count as answered otherwise."""
    from ray.data.checkpoint.checkpoint_writer import PENDING_CHECKPOINT_SUFFIX

    assert f"{PENDING_CHECKPOINT_SUFFIX}.parquet" == PENDING_SUFFIX


def test_stages_know_rows_with_an_error_by_the_column():
    """A row with a reason must reach the end without an engine."""
    from ray.llm._internal.batch.stages import base

    assert f'"{ERROR_COLUMN}"' in inspect.getsource(base)
