"""What each worker of Ray Train runs: the optimizer steps, from where they stopped."""

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray.train
import torch
import torch.distributed as dist

from z1ray.training import batches, checkpoint, zero3
from z1ray.training.config import TrainConfig
from z1ray.training.dataset import TOKENS, TokenFile
from z1ray.training.export import export
from z1ray.training.loss import cross_entropy_sum, step_share
from z1ray.training.metrics import Metrics, MetricsLog
from z1ray.training.schedule import learning_rate

if TYPE_CHECKING:
    from deepspeed import DeepSpeedEngine

RUN = "run"
"""Name of Ray Train's run, and so of its folder under ``state``."""


def train_worker(job: dict[str, Any]) -> dict[str, Any]:
    """Train to the end and export; every worker runs it.

    Args:
        job: ``config`` (TrainConfig), ``output`` (the stage's folder) and ``state``
            (its folder of what only an unfinished run needs), absolute.

    Returns:
        ``diverged_at``: the step whose loss or gradient was not finite, or None; and
        ``example_ids`` of that step. Not an error, since Ray Train would repeat it.
    """
    config: TrainConfig = job["config"]
    output, state = Path(job["output"]), Path(job["state"])
    rank = ray.train.get_context().get_world_rank()
    tokens = TokenFile(state / TOKENS)
    engine = zero3.start(config)
    taken, num_steps = checkpoint.resume(engine), batches.num_steps(len(tokens), config)
    log = MetricsLog(output, taken, num_steps) if rank == 0 else None
    while taken < num_steps:
        examples = batches.step_examples(taken, len(tokens), config)
        metrics = _step(engine, tokens, examples, taken, rank, config)
        if not math.isfinite(metrics["loss"]) or not engine.was_step_applied():
            return {"diverged_at": taken + 1, "example_ids": [tokens[index].trajectory_id for index in examples]}
        taken += 1
        if log is not None:
            log.append(metrics)
        if taken % config.checkpoint_every == 0 or taken == num_steps:
            checkpoint.save(engine, taken, state / RUN, metrics)
    export(engine, config.model, output)
    return {"diverged_at": None, "example_ids": []}


def _step(
    engine: "DeepSpeedEngine", tokens: TokenFile, examples: tuple[int, ...], step: int, rank: int, config: TrainConfig
) -> Metrics:
    """Take optimizer step ``step`` (counted from 0) and tell about it."""
    began = time.monotonic()
    rate = learning_rate(
        step,
        batches.num_steps(len(tokens), config),
        peak=config.learning_rate,
        warmup_steps=config.warmup_steps,
    )
    shares = batches.micro_batches(examples, tokens.lengths, rank, config)
    num_tokens = sum(tokens.num_trained[index] for index in examples)
    collated = [batches.collate([tokens[index] for index in share]) for share in shares]
    loss = optimizer_step(engine, collated, num_tokens, rate)
    seconds = time.monotonic() - began
    return {
        "step": step + 1,
        "loss": loss,
        "learning_rate": rate,
        "grad_norm": float(engine.get_global_grad_norm() or 0.0),
        "num_tokens": num_tokens,
        "tokens_per_second": round(num_tokens / seconds, 2),
        "seconds": round(seconds, 3),
    }


def optimizer_step(
    engine: "DeepSpeedEngine",
    shares: list[tuple[torch.Tensor, torch.Tensor]],
    num_tokens: int,
    rate: float,
) -> float:
    """Forward and backward over this worker's micro-batches, then one update.

    Args:
        engine: The engine; it steps at the last of its ``gradient_accumulation_steps``.
        shares: ``input_ids`` and ``labels`` of each micro-batch.
        num_tokens: Trained tokens of the step over all workers.
        rate: The learning rate.

    Returns:
        The step's loss: the mean over those tokens.
    """
    for group in engine.optimizer.param_groups:
        group["lr"] = rate
    # Sum of losses and count of tokens, the latter to check the plan against the data.
    totals = torch.zeros(2, dtype=torch.float64, device=engine.device)
    for input_ids, labels in shares:
        input_ids, labels = input_ids.to(engine.device), labels.to(engine.device)
        total = cross_entropy_sum(engine(input_ids=input_ids, use_cache=False).logits, labels)
        engine.backward(step_share(total, num_tokens, dist.get_world_size()), scale_wrt_gas=False)
        engine.step()
        totals += torch.stack([total.detach().double(), (labels >= 0).sum().double()])
    dist.all_reduce(totals)
    assert int(totals[1]) == num_tokens, (totals, num_tokens)
    return float(totals[0]) / num_tokens
