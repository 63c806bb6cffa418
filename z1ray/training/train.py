"""dataset -> checkpoint: supervised fine-tuning on Ray Train with DeepSpeed ZeRO-3.

The stage's folder: ``model/`` (what later stages read), ``metrics.jsonl`` (a line
per optimizer step), ``starts.jsonl`` (a line per start of the workers),
``dropped.jsonl`` (examples that were too long). ``state/`` holds tokens and
checkpoints and is what an unfinished run resumes from; once the model is
exported it is removed, being three times the model's size per checkpoint.
"""

import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from z1ray import artifacts
from z1ray.connect import connect
from z1ray.errors import UserError
from z1ray.models import lookup
from z1ray.training import batches, dataset, metrics, zero3
from z1ray.training.config import TrainConfig

_STATE = "state"


def train(config: TrainConfig, output: Path, *, force: bool = False) -> dict[str, Any]:
    """Fine-tune ``config.model`` on ``config.dataset``; Ray must be initialised.

    Done already, it does nothing; killed before, it resumes at the newest complete
    checkpoint.

    Args:
        config: The settings.
        output: The stage's folder, on storage that every node sees.
        force: Start afresh.

    Returns:
        The manifest: counts of examples, steps and tokens, first and last loss.

    Raises:
        UserError: For a missing model or dataset, nothing to train on, sequences longer
            than the model's context, a warm-up longer than the run, or a loss that is
            not finite.
        ray.train.TrainingFailedError: If workers failed more than ``max_failures`` times.
    """
    lookup.require("train.model", config.model)
    if not artifacts.begin(output, config, {"train.dataset": Path(config.dataset)}, force=force):
        return artifacts.manifest(output)
    started = time.time()
    output = output.resolve()
    state = output / _STATE
    num_examples = _prepare(config, output, state)
    _fit(config, output, state)
    manifest = artifacts.finish(output, started, **_facts(config, output, num_examples))
    shutil.rmtree(state)
    return manifest


def _prepare(config: TrainConfig, output: Path, state: Path) -> int:
    """Tokenize, check that the run makes sense, and count the examples."""
    from transformers import AutoConfig, AutoTokenizer

    context = getattr(AutoConfig.from_pretrained(config.model), "max_position_embeddings", config.max_length)
    if config.max_length > context:
        raise UserError(
            "train.max_length",
            config.max_length,
            f"{config.model} has a context of {context} tokens",
            f"set it to {context} or less",
        )
    tokens = state / dataset.TOKENS
    dataset.prepare(config, AutoTokenizer.from_pretrained(config.model), output, tokens)
    num_examples = len(dataset.TokenFile(tokens))
    num_steps = batches.num_steps(num_examples, config)
    if config.warmup_steps >= num_steps:
        raise UserError(
            "train.warmup_steps",
            config.warmup_steps,
            f"the whole run has only {num_steps} optimizer steps ({num_examples} examples, global batch "
            f"{config.global_batch_size}, {config.num_epochs} epochs, max_steps {config.max_steps})",
            f"set it below {num_steps}, or train longer",
        )
    return num_examples


def _fit(config: TrainConfig, output: Path, state: Path) -> None:
    from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    from z1ray.training.checkpoint import NUM_TO_KEEP
    from z1ray.training.loop import RUN, train_worker

    connect()
    # Ray Train's second version is what runs; mypy sees the types of the first.
    on_gpu = config.device == "gpu"
    # Workers may run in another folder than the driver.
    model = str(Path(config.model).resolve()) if Path(config.model).exists() else config.model
    job = {"config": replace(config, model=model), "output": str(output), "state": str(state)}
    resources = {"CPU": float(config.cpus_per_worker)} | ({"GPU": 1.0} if on_gpu else {})
    result: Any = TorchTrainer(
        train_worker,  # type: ignore[arg-type]
        train_loop_config=job,
        torch_config=TorchConfig(backend="nccl" if on_gpu else "gloo", timeout_s=zero3.PROCESS_GROUP_TIMEOUT_S),
        scaling_config=ScalingConfig(num_workers=config.num_workers, use_gpu=on_gpu, resources_per_worker=resources),
        # The same name and storage make Ray Train resume.
        run_config=RunConfig(  # type: ignore[call-arg]
            name=RUN,
            storage_path=str(state),
            failure_config=FailureConfig(max_failures=config.max_failures),
            checkpoint_config=CheckpointConfig(num_to_keep=NUM_TO_KEEP),
            worker_runtime_env={"env_vars": zero3.worker_env(config)},
        ),
    ).fit()
    if (step := result.return_value["diverged_at"]) is not None:
        examples = result.return_value["example_ids"]
        raise UserError(
            "train.learning_rate",
            config.learning_rate,
            f"loss or gradient of step {step} is not finite (its examples: {', '.join(examples[:8])}"
            f"{', ...' if len(examples) > 8 else ''})",
            "lower it or raise train.warmup_steps, look at those examples, and start afresh with --force",
        )


def _facts(config: TrainConfig, output: Path, num_examples: int) -> dict[str, Any]:
    rows = metrics.read(output)
    assert [row["step"] for row in rows] == list(range(1, len(rows) + 1)), "metrics.jsonl lost or doubled a step"
    return {
        "num_examples": num_examples,
        "num_dropped_too_long": dataset.num_dropped(output),
        "num_steps": len(rows),
        "num_epochs": round(len(rows) / batches.steps_per_epoch(num_examples, config), 3),
        "num_trained_tokens": sum(row["num_tokens"] for row in rows),
        "num_resumes": metrics.num_resumes(output),
        "first_loss": rows[0]["loss"],
        "last_loss": rows[-1]["loss"],
        "training_seconds": round(sum(row["seconds"] for row in rows), 1),
    }
