"""The training loop that each Ray Train worker runs, resuming from the newest checkpoint."""

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray.train
import torch
import torch.distributed as dist

from z1ray.errors import UserError
from z1ray.training.checkpoints import checkpoint, location
from z1ray.training.checkpoints.export import export_last
from z1ray.training.config import TrainConfig
from z1ray.training.data import batches, packing
from z1ray.training.data.dataset import TOKENS, TokenFile
from z1ray.training.data.tokenize import IGNORE_INDEX
from z1ray.training.engine import out_of_memory, zero3
from z1ray.training.engine.diverged import diagnose
from z1ray.training.engine.loss import step_share
from z1ray.training.report.metrics import Metrics, MetricsLog
from z1ray.training.report.speed import Speedometer
from z1ray.training.schedule import learning_rate

if TYPE_CHECKING:
    from deepspeed import DeepSpeedEngine

RUN = "run"
"""Name of the Ray Train run, and of its folder under ``state``."""


def train_worker(job: dict[str, Any]) -> UserError | None:
    """Train to the last step and export the model; the entry point of every worker.

    Args:
        job: ``config`` (TrainConfig), ``output`` (the stage's folder) and ``state``
            (the folder of files that only an unfinished run needs); both absolute paths.

    Returns:
        None; or an error that the user has to fix, such as a full disk or a loss that is not finite.
        It is returned, not raised, since Ray Train would restart the workers.
    """
    config: TrainConfig = job["config"]
    output, state = Path(job["output"]), Path(job["state"])
    if (problem := out_of_memory.found(state, config)) is not None:
        return problem
    with out_of_memory.noted(state):
        return _train(config, output, state)


def _train(config: TrainConfig, output: Path, state: Path) -> UserError | None:
    rank = ray.train.get_context().get_world_rank()
    tokens, checkpoints = TokenFile(state / TOKENS), location.of_run(state)
    engine = zero3.start(config)
    taken, num_steps = checkpoint.resume(engine, checkpoints), batches.num_steps(len(tokens), config)
    log = MetricsLog(output, taken, num_steps) if rank == 0 else None
    speed = Speedometer(config)
    while taken < num_steps:
        examples = batches.step_examples(taken, len(tokens), config)
        metrics = take_step(engine, tokens, examples, taken, rank, config)
        if not math.isfinite(metrics["loss"]) or not engine.was_step_applied():
            return diagnose(engine, tokens, examples, taken + 1, config)
        taken += 1
        if log is not None:
            lengths = [tokens.lengths[index] for index in examples]
            log.append(metrics | speed.figures(lengths, metrics["num_tokens"], metrics["seconds"]))
        if taken % config.checkpoint.every == 0 or taken == num_steps:
            if (problem := checkpoint.save(engine, taken, checkpoints, config.checkpoint.keep)) is not None:
                return problem
            ray.train.report(metrics)
    return export_last(config, output) if rank == 0 else None


def take_step(
    engine: "DeepSpeedEngine", tokens: TokenFile, examples: tuple[int, ...], step: int, rank: int, config: TrainConfig
) -> Metrics:
    """Take optimizer step ``step``, counted from 0, and return its metrics."""
    began = time.monotonic()
    rate = learning_rate(
        step,
        batches.num_steps(len(tokens), config),
        peak=config.optimizer.lr,
        warmup_steps=config.optimizer.warmup_steps,
    )
    rounds = packing.pack(examples, tokens.lengths, capacity=config.batch.row_tokens, num_workers=config.num_workers)
    micro_batches = [batches.micro_batch([tokens[index] for index in packs[rank]]) for packs in rounds]
    num_trained = sum(tokens.num_trained[index] for index in examples)
    loss = optimizer_step(engine, micro_batches, num_trained, rate)
    seconds = time.monotonic() - began
    return {
        "step": step + 1,
        "loss": loss,
        "learning_rate": rate,
        "grad_norm": float(engine.get_global_grad_norm() or 0.0),
        "examples_digest": batches.digest(tokens[index].trajectory_id for index in examples),
        "num_tokens": num_trained,
        "num_input_tokens": packing.num_tokens(examples, tokens.lengths),
        "num_micro_batches": len(rounds),
        "fill_ratio": round(packing.fill_ratio(rounds, tokens.lengths), 4),
        "tokens_per_second": round(num_trained / seconds, 2),
        "seconds": round(seconds, 3),
    }


def optimizer_step(
    engine: "DeepSpeedEngine", micro_batches: list[batches.MicroBatch], num_trained: int, rate: float
) -> float:
    """Forward and backward passes over this worker's micro-batches, then one optimizer update.

    Args:
        engine: The DeepSpeed engine.
        micro_batches: The micro-batches of this worker; equally many on all workers.
        num_trained: Number of trained tokens of the step over all workers.
        rate: The learning rate.

    Returns:
        The loss of the step: the mean over those tokens.
    """
    for group in engine.optimizer.param_groups:
        group["lr"] = rate
    # Sum of losses and count of tokens, the latter to check the plan against the data.
    totals = torch.zeros(2, dtype=torch.float64, device=engine.device)
    for number, each in enumerate(micro_batches, start=1):
        # Steps differ in their number of micro-batches; DeepSpeed would count up to a fixed one.
        engine.set_gradient_accumulation_boundary(number == len(micro_batches))
        inputs = each.inputs(engine.device)
        total = engine(**inputs)
        engine.backward(step_share(total, num_trained, dist.get_world_size()), scale_wrt_gas=False)
        totals += torch.stack([total.detach().double(), (inputs["targets"] != IGNORE_INDEX).sum().double()])
    engine.step()
    dist.all_reduce(totals)
    assert int(totals[1]) == num_trained, (totals, num_trained)
    return float(totals[0]) / num_trained
