"""Diagnosis of a step whose loss or gradient is not finite."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from z1ray.errors import UserError
from z1ray.training.config import TrainConfig
from z1ray.training.data import batches

if TYPE_CHECKING:
    from deepspeed import DeepSpeedEngine

    from z1ray.training.data.dataset import TokenFile

_NUM_NAMED = 8


def diagnose(
    engine: "DeepSpeedEngine", tokens: "TokenFile", examples: Sequence[int], step: int, config: TrainConfig
) -> UserError:
    """Find the cause of a non-finite loss or gradient; a collective operation, so all workers have to call it.

    DeepSpeed does not apply such a step, so the weights are still those that gave the loss.
    Each example is run through the model again on its own.

    Args:
        engine: The DeepSpeed engine.
        tokens: The tokenized dataset.
        examples: Indices of the step's examples.
        step: The optimizer step, counted from 1.
        config: The settings.

    Returns:
        The error to report: it names the examples, or the learning rate if all examples are affected.
    """
    bad = [tokens[index].trajectory_id for index in _not_finite(engine, tokens, examples)]
    named = ", ".join(bad[:_NUM_NAMED]) + (f" and {len(bad) - _NUM_NAMED} more" if len(bad) > _NUM_NAMED else "")
    if len(bad) == len(examples):
        return UserError(
            "train.optimizer.lr",
            config.optimizer.lr,
            f"training diverged at step {step}: none of its {len(bad)} examples has a finite loss ({named})",
            "lower it or raise train.optimizer.warmup_steps, and start afresh with --force",
        )
    if bad:
        return UserError(
            "train.dataset",
            named,
            f"the loss of step {step} is not finite because of {len(bad)} of its {len(examples)} examples, each alone",
            "look at these examples, drop them from the dataset (jobs/curate.py), and start afresh with --force",
        )
    ids = ", ".join(tokens[index].trajectory_id for index in examples[:_NUM_NAMED])
    return UserError(
        "train.optimizer.lr",
        config.optimizer.lr,
        f"the gradient of step {step} is not finite, though the loss of each of its {len(examples)} examples is "
        f"({ids}{', ...' if len(examples) > _NUM_NAMED else ''})",
        "lower it or raise train.optimizer.warmup_steps, and start afresh with --force",
    )


def _not_finite(engine: "DeepSpeedEngine", tokens: "TokenFile", examples: Sequence[int]) -> list[int]:
    import torch
    import torch.distributed as dist

    rank, num_workers = dist.get_rank(), dist.get_world_size()
    mine = set()
    with torch.no_grad():
        # Under ZeRO-3 all workers pass equally often; the last ones may do an example again.
        for start in range(0, len(examples), num_workers):
            index = examples[min(start + rank, len(examples) - 1)]
            total = engine(**batches.micro_batch([tokens[index]]).inputs(engine.device))
            if not math.isfinite(float(total)):
                mine.add(index)
    everyones: list[set[int]] = [set()] * num_workers
    dist.all_gather_object(everyones, mine)
    return sorted(set().union(*everyones))
