"""Settings that cannot work are refused before anything starts."""

from typing import Any

import pytest

from z1ray import identity
from z1ray.errors import UserError
from z1ray.training.config import TrainConfig


@pytest.mark.parametrize(
    ("field", "overrides"),
    [
        ("train.global_batch_size", {"global_batch_size": 7, "num_workers": 8}),
        ("train.micro_batch_size", {"micro_batch_size": 0}),
        ("train.learning_rate", {"learning_rate": 0.0}),
        ("train.gradient_clipping", {"gradient_clipping": 0.0}),
        ("train.warmup_steps", {"warmup_steps": -1}),
        ("train.max_steps", {"max_steps": 0}),
        ("train.offload", {"offload": True, "device": "cpu"}),
        ("train.keep_checkpoints", {"keep_checkpoints": 0}),
        ("train.max_failed_starts", {"max_failed_starts": -2}),
    ],
)
def test_impossible_settings_are_refused_by_name(field: str, overrides: dict[str, Any]) -> None:
    """Each names its key; found only by a worker, it would cost a cluster's start-up and a traceback."""
    with pytest.raises(UserError) as caught:
        TrainConfig(**({"dataset": "d", "model": "m"} | overrides))
    assert caught.value.field == field


def test_the_defaults_are_the_papers_recipe() -> None:
    """Somebody who sets only dataset and model gets arXiv 2504.00810, not our taste."""
    config = TrainConfig(dataset="d", model="m")
    assert (config.num_epochs, config.learning_rate, config.warmup_steps, config.weight_decay) == (2, 1e-5, 100, 0.0)
    assert (config.global_batch_size, config.row_tokens, config.precision) == (128, 32768, "bf16")


def test_what_fits_memory_and_storage_may_change_while_a_run_is_under_way() -> None:
    """After running out of memory the same run goes on with a smaller micro-batch; what is learned may not change."""
    begun = TrainConfig(dataset="d", model="m")
    other = TrainConfig(
        dataset="d",
        model="m",
        micro_batch_size=1,
        gradient_checkpointing=False,
        offload=True,
        export_precision="float32",
        checkpoint_storage="/elsewhere",
        keep_checkpoints=5,
    )
    assert identity.values(begun) == identity.values(other)
    assert identity.values(begun) != identity.values(TrainConfig(dataset="d", model="m", seed=1))
