"""Settings that cannot work are refused before anything starts."""

from typing import Any

import pytest

from z1ray import identity
from z1ray.errors import UserError
from z1ray.settings import changed
from z1ray.training.config import (
    BatchConfig,
    CheckpointConfig,
    ExportConfig,
    FailuresConfig,
    MemoryConfig,
    OptimizerConfig,
    TrainConfig,
)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("train.batch.global_batch_size", {"batch.global_batch_size": 7}),
        ("train.batch.micro_batch_size", {"batch.micro_batch_size": 0}),
        ("train.optimizer.lr", {"optimizer.lr": 0.0}),
        ("train.optimizer.gradient_clipping", {"optimizer.gradient_clipping": 0.0}),
        ("train.optimizer.warmup_steps", {"optimizer.warmup_steps": -1}),
        ("train.max_steps", {"max_steps": 0}),
        ("train.memory.offload", {"memory.offload": True, "device": "cpu"}),
        ("train.checkpoint.keep", {"checkpoint.keep": 0}),
        ("train.failures.max_failed_starts", {"failures.max_failed_starts": -2}),
    ],
)
def test_impossible_settings_are_refused_by_name(field: str, values: dict[str, Any]) -> None:
    """Each names its key; found only by a worker, it would cost a cluster's start-up and a traceback."""
    with pytest.raises(UserError) as caught:
        changed(TrainConfig(dataset="d", model="m"), values)
    assert caught.value.field == field


def test_the_defaults_are_the_papers_recipe() -> None:
    """Somebody who sets only dataset and model gets arXiv 2504.00810, not our taste."""
    config = TrainConfig(dataset="d", model="m")
    assert config.num_epochs == 2
    assert config.optimizer == OptimizerConfig(lr=1e-5, warmup_steps=100, weight_decay=0.0, gradient_clipping=1.0)
    assert (config.batch.global_batch_size, config.batch.row_tokens, config.precision) == (128, 32768, "bf16")


def test_what_fits_memory_and_storage_may_change_while_a_run_is_under_way() -> None:
    """After running out of memory the same run goes on with a smaller micro-batch; what is learned may not change."""
    begun = TrainConfig(dataset="d", model="m")
    other = TrainConfig(
        dataset="d",
        model="m",
        batch=BatchConfig(micro_batch_size=1),
        memory=MemoryConfig(gradient_checkpointing=False, offload=True),
        checkpoint=CheckpointConfig(storage="/elsewhere", keep=5, every=7),
        failures=FailuresConfig(max_failures=9, max_failed_starts=2),
        export=ExportConfig(precision="float32"),
    )
    assert identity.values(begun) == identity.values(other)
    for learned in ({"seed": 1}, {"optimizer.lr": 1e-4}, {"batch.global_batch_size": 64}, {"batch.max_length": 8192}):
        assert identity.values(begun) != identity.values(changed(begun, learned)), learned
