"""From the ZeRO-3 shards of a checkpoint to a model folder that loads everywhere; no workers are needed."""

import errno
from pathlib import Path
from typing import Any

from z1ray import artifacts
from z1ray.errors import UserError
from z1ray.files import replacing, writing
from z1ray.progress import say
from z1ray.training.checkpoints import generation, location, record
from z1ray.training.checkpoints.card import write_card
from z1ray.training.checkpoints.location import STATE
from z1ray.training.checkpoints.record import TAG, Checkpoint
from z1ray.training.config import TrainConfig
from z1ray.training.data import batches
from z1ray.training.data.dataset import TOKENS, TokenFile
from z1ray.training.engine import zero3

MODEL = "model"


def export_last(config: TrainConfig, output: Path) -> UserError | None:
    """Write ``<output>/model`` from the newest checkpoint; what keeps it from being written is returned."""
    try:
        with writing(output):
            _export(config, output, _choose(output, None), output / MODEL)
    except UserError as error:
        return error
    return None


def export_unfinished(config: TrainConfig, output: Path, step: int | None, *, force: bool) -> Path:
    """Write ``<output>/model-step-000050`` from a checkpoint of a run that is still going on or was stopped.

    Args:
        config: The run's settings; the precision may be another.
        output: The folder of the training stage.
        step: Optimizer steps of the checkpoint; None takes the newest whole one.
        force: Replace a folder that is there.

    Returns:
        The folder.

    Raises:
        UserError: If there is no such checkpoint, it is damaged, the folder is there already or cannot be written.
    """
    _require_unfinished(output)
    checkpoint = _choose(output, step)
    target = output / f"{MODEL}-{checkpoint.name}"
    if target.exists() and not force:
        raise UserError("output_dir", str(target), "it is there already", "pass --force to write it anew")
    with writing(target):
        _export(config, output, checkpoint, target)
    say(f"export: the model after step {checkpoint.step} is in {target}")
    return target


def _require_unfinished(output: Path) -> None:
    if (output / artifacts.MANIFEST).exists():
        raise UserError(
            "output_dir",
            str(output),
            "training is finished, and its checkpoints are gone",
            f"use the exported model in {output / MODEL}",
        )
    if not (output / STATE / TOKENS).exists():
        raise UserError("output_dir", str(output), "no training has begun there", "run jobs/train.py first")


def _choose(output: Path, step: int | None) -> Checkpoint:
    """The newest checkpoint, or that of a step; whether it is whole shows when it is read."""
    place = location.of_run(output / STATE)
    finished, _ = record.find(place)
    chosen = [each for each in finished if step in (None, each.step)]
    if not chosen:
        steps = ", ".join(str(each.step) for each in reversed(finished)) or "none"
        raise UserError(
            "--step",
            step,
            f"no such checkpoint in {place.shown} (there: {steps})",
            "name one that is there, or wait for the first",
        )
    return chosen[0]


def _export(config: TrainConfig, output: Path, checkpoint: Checkpoint, target: Path) -> None:
    """Write the folder beside its place and then put it there, so that it is whole or not there at all."""
    place = location.of_run(output / STATE)
    with record.fetched(place, checkpoint, checkpoint.files) as folder:
        if (wrong := record.damage(folder, checkpoint.files)) is not None:
            raise UserError(
                location.FIELD,
                place.below(checkpoint.name).shown,
                f"it is damaged: {wrong}",
                "name another with --step, or run jobs/train.py again, which continues from an older one",
            )
        tokens = TokenFile(output / STATE / TOKENS)
        with replacing(target) as partial:
            weights = zero3.full_weights(folder, TAG, config.dtype_of_export)
            _write_model(config, weights, partial, end=tokens[0].input_ids[-1])
            num_steps = batches.num_steps(len(tokens), config)
            write_card(config, output, partial, checkpoint.step, num_steps, len(tokens))


def _write_model(config: TrainConfig, weights: dict[str, Any], folder: Path, *, end: int) -> None:
    import torch
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    with torch.device("meta"):
        settings, dtype = AutoConfig.from_pretrained(config.model), getattr(torch, config.dtype_of_export)
        model = AutoModelForCausalLM.from_config(settings, dtype=dtype)  # type: ignore[no-untyped-call]
    # Without one of its own, transformers has made one from the model's own settings.
    model.generation_config = generation.read(config.model) or model.generation_config
    assert model.generation_config is not None
    if generation.stop_at(model.generation_config, end):
        say(f"export: the trained end token {end} joins eos_token_id: {model.generation_config.eos_token_id}")
    try:
        # Tied weights are one and the same tensor in `weights`; transformers then saves them once.
        model.save_pretrained(folder, state_dict=weights)
    except SafetensorError as error:
        raise OSError(errno.EIO, str(error), str(folder)) from error
    AutoTokenizer.from_pretrained(config.model).save_pretrained(folder)
