"""One YAML file is one experiment: loading, overriding and checking it.

Order: the dataclass defaults, then the YAML file, then ``key=value`` words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from omegaconf import MISSING, OmegaConf
from yaml import YAMLError

from z1ray.curation.config import CurateConfig
from z1ray.errors import UserError
from z1ray.evaluation.config import EvaluateConfig
from z1ray.serving.config import ServeConfig
from z1ray.settings import build, setting
from z1ray.training.config import TrainConfig
from z1ray.trajectories.config import GenerateConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentConfig:
    """A whole experiment, one section per stage."""

    name: str = setting(MISSING, "Name of the run and of its folder.")
    root: str = setting("runs", "Folder of all runs, on storage that every node of the cluster sees.")
    models_dir: str = setting("${root}/models", "Where prepared models lie.")
    output_dir: str = setting("${root}/${name}", "This run's folder, one subfolder per stage.")
    generate: GenerateConfig = setting(MISSING, "Problems to trajectories.")
    curate: CurateConfig = setting(MISSING, "Trajectories to a dataset.")
    train: TrainConfig = setting(MISSING, "Dataset to a checkpoint.")
    serve: ServeConfig = setting(MISSING, "Checkpoint to an endpoint.")
    evaluate: EvaluateConfig = setting(MISSING, "Checkpoints to the test-time scaling curve.")
    variants: dict[str, list[str]] = setting(
        dict,
        "Further datasets and checkpoints of the same trajectories, for comparison, by name: the settings in which "
        "each differs, as `key=value` words. They lie in `${output_dir}/variants/NAME`.",
    )

    @property
    def output(self) -> Path:
        """The run's folder."""
        return Path(self.output_dir)


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
        given = OmegaConf.merge(OmegaConf.load(path), OmegaConf.from_dotlist(list(overrides)))
    except (YAMLError, TypeError) as error:
        raise UserError(
            "--config", str(path), f"not readable as settings: {error}", "correct the YAML or the words"
        ) from error
    return build(ExperimentConfig, given, remedy=f"set it in {path}")
