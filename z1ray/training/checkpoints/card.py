"""The model card: what a model folder was made from and how, for readers of that folder alone."""

import json
from collections.abc import Iterator
from importlib.resources import files
from operator import attrgetter
from pathlib import Path
from typing import Any

from z1ray import artifacts
from z1ray.models.lookup import is_hub_name
from z1ray.plots import loss_png
from z1ray.training.config import TrainConfig
from z1ray.training.data import dataset
from z1ray.training.report import metrics

CARD = "README.md"
LOSS = "loss.png"

_RECIPE = {
    "epochs": "num_epochs",
    "max steps": "max_steps",
    "global batch size": "batch.global_batch_size",
    "max length": "batch.max_length",
    "learning rate": "optimizer.lr",
    "warmup steps": "optimizer.warmup_steps",
    "weight decay": "optimizer.weight_decay",
    "gradient clipping": "optimizer.gradient_clipping",
    "precision": "precision",
    "gradient checkpointing": "memory.gradient_checkpointing",
    "workers": "num_workers",
    "seed": "seed",
}
"""Rows of the recipe's table, with the setting of each; those that are not set are left out."""


def write_card(config: TrainConfig, output: Path, folder: Path, step: int, num_steps: int, num_examples: int) -> None:
    """Write ``README.md`` and ``loss.png`` into a model folder.

    Args:
        config: The run's settings.
        output: The stage's folder, with the metrics so far.
        folder: The model's.
        step: Optimizer steps that the model has seen.
        num_steps: Those of the whole run.
        num_examples: Examples of an epoch.
    """
    from jinja2 import Environment

    rows = [row for row in metrics.read(output) if row["step"] <= step]
    (dataset_hash,) = json.loads((output / artifacts.BEGUN).read_text())["inputs"].values()
    text = files("z1ray.training.checkpoints").joinpath("card.md.j2").read_text()
    template = Environment(trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True).from_string(text)
    card = template.render(
        name=output.parent.name,
        base=config.model if is_hub_name(config.model) else Path(config.model).name,
        is_hub_name=is_hub_name(config.model),
        dataset=_short(config.dataset),
        dataset_hash=dataset_hash,
        num_examples=num_examples,
        num_dropped=dataset.num_dropped(output),
        num_trained_tokens=sum(row["num_tokens"] for row in rows),
        step=step,
        num_steps=num_steps,
        first_loss=rows[0]["loss"],
        last_loss=rows[-1]["loss"],
        recipe=dict(_recipe(config)),
        max_length=config.batch.max_length,
        system_prompt=config.system_prompt,
        precision=config.dtype_of_export,
        loss=LOSS,
        code=artifacts.code_version(),
        versions=artifacts.package_versions(),
    )
    (folder / LOSS).write_bytes(loss_png(rows))
    (folder / CARD).write_text(card)


def _recipe(config: TrainConfig) -> Iterator[tuple[str, Any]]:
    for name, path in _RECIPE.items():
        if (value := attrgetter(path)(config)) is not None:
            yield name, value


def _short(path: str) -> str:
    """A folder without what is above its run's."""
    return "/".join(Path(path).parts[-2:])
