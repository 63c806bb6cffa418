"""One YAML file is one experiment: loading, overriding and checking it.

Order: the dataclass defaults, then the file it is based on if it names one, then the YAML file, then
``key=value`` words.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from omegaconf import MISSING, DictConfig, ListConfig, OmegaConf
from yaml import YAMLError

from z1ray.curation.config import CurateConfig
from z1ray.errors import UserError
from z1ray.evaluation.config import EvaluateConfig
from z1ray.serving.config import ServeConfig
from z1ray.settings import build, changed, check, setting
from z1ray.training.config import TrainConfig
from z1ray.trajectories.config import GenerateConfig

Stage = Literal["generate", "curate", "train", "serve", "evaluate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentConfig:
    """A whole experiment, one section per stage."""

    name: str = setting(MISSING, "Name of the run and of its folder.")
    based_on: str | None = setting(
        None,
        "Another experiment's file beside this one, whose settings hold where this one gives none. Mappings are merged "
        "entry by entry (a model that it serves is served here too); lists are replaced.",
    )
    root: str = setting("runs", "Folder of all runs, on storage that every node of the cluster sees.")
    models_dir: str = setting("${root}/models", "Where prepared models lie.")
    output_dir: str = setting("${root}/${name}", "This run's folder, one subfolder per stage.")
    stages: list[Stage] = setting(
        lambda: ["generate", "curate", "train", "serve", "evaluate"],
        "Stages that `jobs/pipeline.py` runs; it takes them in this order.",
        role="operational",
    )
    generate: GenerateConfig = setting(MISSING, "Problems to trajectories.")
    curate: CurateConfig = setting(MISSING, "Trajectories to a dataset.")
    train: TrainConfig = setting(MISSING, "Dataset to a checkpoint.")
    serve: ServeConfig = setting(MISSING, "Checkpoint to an endpoint.")
    evaluate: EvaluateConfig = setting(MISSING, "Checkpoints to the test-time scaling curve.")
    variants: dict[str, list[str] | None] = setting(
        dict,
        "Further datasets and checkpoints of the same trajectories, for comparison, by name: the settings in which "
        "each differs, as `key=value` words. They lie in `${output_dir}/variants/NAME` and are evaluated under their "
        "names beside `evaluate.models`. `null` leaves one out.",
    )
    variants_at_once: int = setting(
        1,
        "Variants that are curated and trained side by side at most, where the cluster has room.",
        least=1,
        role="operational",
    )

    def __post_init__(self) -> None:
        check(self, "")
        kept = {name: words for name, words in self.variants.items() if words is not None}
        for name in kept:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
                raise UserError(
                    "variants", name, "it becomes the name of a folder and a model", "use letters, digits, '-' and '_'"
                )
            if name in self.evaluate.models:
                raise UserError(
                    f"evaluate.models.{name}",
                    self.evaluate.models[name],
                    "the variant of this name is evaluated under it",
                    "take the entry out, or give it another name",
                )
        object.__setattr__(self, "variants", kept)
        models = {name: str(self.folder_of(name) / "checkpoint" / "model") for name in kept}
        object.__setattr__(self, "evaluate", changed(self.evaluate, {"models": {**self.evaluate.models, **models}}))

    @property
    def output(self) -> Path:
        """The run's folder."""
        return Path(self.output_dir)

    def folder_of(self, variant: str) -> Path:
        """The folder of a variant's own dataset and checkpoint."""
        return self.output / "variants" / variant


def load(path: str | Path, overrides: Sequence[str] = ()) -> ExperimentConfig:
    """Read an experiment.

    Args:
        path: The YAML file.
        overrides: Words like ``train.max_steps=4``.

    Raises:
        UserError: For a missing file, an unknown key (the nearest known one is
            named), a value of the wrong type, or one out of range.
    """
    if not Path(path).is_file():
        raise UserError("--config", str(path), "there is no such file", "name one of the files in conf/")
    for word in overrides:
        if "=" not in word:
            raise UserError("override", word, "it is not of the form key=value", "write e.g. train.max_steps=4")
    try:
        given = OmegaConf.merge(*_files(Path(path)), OmegaConf.from_dotlist(list(overrides)))
    except (YAMLError, TypeError) as error:
        raise UserError(
            "--config", str(path), f"not readable as settings: {error}", "correct the YAML or the words"
        ) from error
    return build(ExperimentConfig, given, remedy=f"set it in {path}")


def _files(path: Path) -> list[DictConfig | ListConfig]:
    """The settings of the file that this one is based on, if it names one, and its own."""
    own = OmegaConf.load(path)
    name = OmegaConf.select(own, "based_on")
    if name is None:
        return [own]
    base = path.parent / str(name)
    if not base.is_file():
        raise UserError(
            "based_on", name, f"{path.parent} has no such file", "name an experiment's file beside this one"
        )
    below = OmegaConf.load(base)
    if OmegaConf.select(below, "based_on") is not None:
        raise UserError("based_on", name, "that file is based on another itself", "name that other file")
    return [below, own]
