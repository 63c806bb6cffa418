"""dataset -> checkpoint: supervised fine-tuning on Ray Train with DeepSpeed ZeRO-3.

The stage's folder contains ``model/`` (the exported model that later stages read),
``metrics.jsonl`` (one line per optimizer step), ``starts.jsonl`` (one line per start of the
workers) and ``dropped.jsonl`` (examples that were left out). ``state/`` contains the tokens and, unless
``train.checkpoint.storage`` is set, the checkpoints that an unfinished run resumes from.
It is removed once the model is exported: a checkpoint is three times as large as the model.
"""

import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from z1ray import artifacts
from z1ray.connect import connect
from z1ray.errors import UserError
from z1ray.files import UNWRITABLE, writing
from z1ray.models import lookup
from z1ray.progress import say
from z1ray.storage import open_storage, require_writable
from z1ray.training.checkpoints import generation, location
from z1ray.training.checkpoints.location import STATE
from z1ray.training.config import TrainConfig
from z1ray.training.data import batches, dataset
from z1ray.training.engine import attention, out_of_memory, zero3
from z1ray.training.plan import plan
from z1ray.training.report import metrics
from z1ray.upstream.ray_train import worker_errors


def train(config: TrainConfig, output: Path, *, force: bool = False) -> dict[str, Any]:
    """Fine-tune ``config.model`` on ``config.dataset``; Ray must be initialised.

    Does nothing if the stage is finished; an interrupted run resumes from the newest complete
    checkpoint.

    Args:
        config: The settings.
        output: The stage's folder, on storage shared by all nodes.
        force: Discard earlier work and start again.

    Returns:
        The manifest, with the numbers of examples, steps and tokens, and the first and the last loss.

    Raises:
        UserError: For a missing model or dataset, nothing to train on, sequences longer
            than the model's context, a model that cannot train on packed rows, a warm-up longer
            than the run, a loss that is not finite, or a place that cannot be written to.
        ray.train.TrainingFailedError: If workers failed more than ``train.failures.max_failures`` times.
    """
    started = time.time()
    output = output.resolve()
    state = output / STATE
    if not _begin(config, output, state, force=force):
        _discard(state)
        return artifacts.manifest(output)
    with writing(output):
        _fit(config, output, state)
        manifest = artifacts.finish(output, started, **_facts(config, output, state))
    _discard(state)
    return manifest


def _begin(config: TrainConfig, output: Path, state: Path, *, force: bool) -> bool:
    """Open the stage's folder and put the tokens there; False if the stage is done already."""
    lookup.require("train.model", config.model)
    inputs = {"train.dataset": Path(config.dataset)}
    tokens = state / dataset.TOKENS
    fresh = force or not (tokens.exists() or (output / artifacts.MANIFEST).exists())
    # What cannot work is told now, before anything is cleared for it.
    tokenized = _checked(config) if fresh else None
    if force:
        location.discard_run(state)
    if not artifacts.begin(output, config, inputs, force=force):
        return False
    if tokenized is not None:
        with writing(output):
            location.begin_run(state, config.checkpoint.storage)
            dataset.write(tokenized, output, tokens)
    return True


def _checked(config: TrainConfig) -> dataset.Tokenized:
    """The examples as tokens, if the run makes sense."""
    from transformers import AutoConfig, AutoTokenizer

    artifacts.manifest(Path(config.dataset), "train.dataset")
    if config.checkpoint.storage is not None:
        require_writable(open_storage(config.checkpoint.storage, location.FIELD), location.FIELD)
    model_config = AutoConfig.from_pretrained(config.model)
    attention.require_packable(config.model, model_config)
    context = getattr(model_config, "max_position_embeddings", config.batch.max_length)
    if config.batch.max_length > context:
        raise UserError(
            "train.batch.max_length",
            config.batch.max_length,
            f"{config.model} has a context of {context} tokens",
            f"set it to {context} or less",
        )
    generation.require_exportable(config.model)
    vocabulary = getattr(model_config.get_text_config(), "vocab_size", None)
    tokenized = dataset.tokenize_dataset(config, AutoTokenizer.from_pretrained(config.model), vocabulary)
    num_examples = len(tokenized.fitting)
    num_steps = batches.num_steps(num_examples, config)
    if config.optimizer.warmup_steps >= num_steps:
        raise UserError(
            "train.optimizer.warmup_steps",
            config.optimizer.warmup_steps,
            f"the whole run has only {num_steps} optimizer steps ({num_examples} examples, global batch "
            f"{config.batch.global_batch_size}, {config.num_epochs} epochs, max_steps {config.max_steps})",
            f"set it below {num_steps}, or train longer",
        )
    return tokenized


def _fit(config: TrainConfig, output: Path, state: Path) -> None:
    from ray.train import FailureConfig, RunConfig, ScalingConfig, TrainingFailedError
    from ray.train.torch import TorchConfig, TorchTrainer

    from z1ray.training.loop import RUN, train_worker

    connect()
    plan.check_cluster(config)
    # Ray Train's second version is what runs; mypy sees the types of the first.
    on_gpu = config.device == "gpu"
    # Workers may run in another folder than the driver.
    model = str(Path(config.model).resolve()) if Path(config.model).exists() else config.model
    job = {"config": replace(config, model=model), "output": str(output), "state": str(state)}
    resources = {"CPU": float(config.cpus_per_worker)} | ({"GPU": 1.0} if on_gpu else {})
    failures: Any = FailureConfig(
        max_failures=config.failures.max_failures,
        controller_failure_limit=config.failures.max_failed_starts,  # type: ignore[call-arg]
    )
    trainer = TorchTrainer(
        train_worker,  # type: ignore[arg-type]
        train_loop_config=job,
        torch_config=TorchConfig(backend="nccl" if on_gpu else "gloo", timeout_s=zero3.PROCESS_GROUP_TIMEOUT_S),
        scaling_config=ScalingConfig(num_workers=config.num_workers, use_gpu=on_gpu, resources_per_worker=resources),
        run_config=RunConfig(  # type: ignore[call-arg]
            name=RUN,
            storage_path=str(state),
            failure_config=failures,
            worker_runtime_env={"env_vars": zero3.worker_env(config)},
        ),
    )
    out_of_memory.forget(state)
    try:
        with metrics.tell_progress(output):
            result: Any = trainer.fit()
    except TrainingFailedError as error:
        if (disk := _disk_failure(error)) is not None:
            raise disk from error
        if (memory := out_of_memory.found(state, config)) is not None:
            raise memory from error
        raise
    # What the user has to fix is returned, not raised: Ray Train would do it all again.
    if result.return_value is not None:
        raise result.return_value


def _disk_failure(error: Any) -> OSError | None:
    """What a worker's file system refused, where that is what made it fail each time."""
    for cause in worker_errors(error):
        if isinstance(cause, OSError) and cause.errno in UNWRITABLE:
            return cause
    return None


def _discard(state: Path) -> None:
    """Remove what only an unfinished run needs."""
    try:
        location.discard_run(state)
    except UserError as error:
        # The model is there; that some files are left over is no failure.
        say(f"train: {error.value}: {error.problem}; {error.remedy}")
    shutil.rmtree(state, ignore_errors=True)


def _facts(config: TrainConfig, output: Path, state: Path) -> dict[str, Any]:
    rows = metrics.read(output)
    assert [row["step"] for row in rows] == list(range(1, len(rows) + 1)), "metrics.jsonl lost or doubled a step"
    num_examples = len(dataset.TokenFile(state / dataset.TOKENS))
    return {
        "num_examples": num_examples,
        "num_dropped_too_long": dataset.num_dropped(output),
        "num_dropped_unusable": dataset.num_refused(output),
        "num_steps": len(rows),
        "num_epochs": round(len(rows) / batches.steps_per_epoch(num_examples, config), 3),
        "num_trained_tokens": sum(row["num_tokens"] for row in rows),
        "fill_ratio": _fill_ratio(rows),
        "num_resumes": metrics.num_resumes(output),
        "first_loss": rows[0]["loss"],
        "last_loss": rows[-1]["loss"],
        "training_seconds": round(sum(row["seconds"] for row in rows), 1),
    }


def _fill_ratio(rows: list[metrics.Metrics]) -> float:
    """The whole run's: steps count by the tokens that the workers could have done."""
    filled: int = sum(row["num_input_tokens"] for row in rows)
    possible: float = sum(row["num_input_tokens"] / row["fill_ratio"] for row in rows)
    return round(filled / possible, 4)
