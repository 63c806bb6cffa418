"""One YAML file is one experiment: loading, overriding and checking it.

Order: the dataclass defaults, then the YAML file, then ``key=value`` words.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import MISSING, Container, OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException
from yaml import YAMLError

from z1ray.curation.config import CurateConfig
from z1ray.errors import UserError
from z1ray.evaluation.config import EvaluateConfig
from z1ray.serving.config import ServeConfig
from z1ray.training.config import TrainConfig
from z1ray.trajectories.config import GenerateConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentConfig:
    """A whole experiment, one section per stage.

    Attributes:
        name: Name of the run and of its folder.
        root: Folder of all runs, on storage that every node of the cluster sees.
        models_dir: Where prepared models lie.
        output_dir: This run's folder, one subfolder per stage.
    """

    name: str = MISSING
    root: str = "runs"
    models_dir: str = "${root}/models"
    output_dir: str = "${root}/${name}"
    generate: GenerateConfig = MISSING
    curate: CurateConfig = MISSING
    train: TrainConfig = MISSING
    serve: ServeConfig = MISSING
    evaluate: EvaluateConfig = MISSING

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
    schema = OmegaConf.structured(ExperimentConfig)
    try:
        asked = OmegaConf.merge(OmegaConf.load(path), OmegaConf.from_dotlist(list(overrides)))
    except (YAMLError, TypeError) as error:
        raise UserError(
            "--config", str(path), f"not readable as settings: {error}", "mend the YAML or the words"
        ) from error
    try:
        merged = OmegaConf.merge(schema, asked)
        if missing := sorted(OmegaConf.missing_keys(merged)):
            raise UserError(missing[0], "???", "it has no value and no default", f"set it in {path}")
        config = OmegaConf.to_object(merged)
    except ConfigKeyError as error:
        raise _unknown_key(error, asked) from error
    except OmegaConfBaseException as error:
        message = str(error.msg or error).splitlines()[0]
        raise UserError(str(error.full_key), _given(asked, error), message, "give it a value of its type") from error
    assert isinstance(config, ExperimentConfig)
    return config


def _unknown_key(error: ConfigKeyError, asked: Container) -> UserError:
    known = sorted(str(name) for name in getattr(error.object_type, "__dataclass_fields__", {}))
    near = difflib.get_close_matches(str(error.key), known, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
    return UserError(str(error.full_key), _given(asked, error), "there is no such key", remedy)


def _given(asked: Container, error: OmegaConfBaseException) -> object:
    """What the user wrote at the place an error names, before any interpolation."""
    plain: Any = OmegaConf.to_container(asked, resolve=False)
    for key in str(error.full_key).replace("[", ".").replace("]", "").split("."):
        if isinstance(plain, dict):
            plain = plain.get(key)
        elif isinstance(plain, list) and key.isdigit():
            plain = plain[int(key)]
    return plain
