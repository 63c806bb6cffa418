"""The steps of an experiment: its stages, and those of its variants that differ."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from z1ray import artifacts
from z1ray.config import ExperimentConfig, load
from z1ray.errors import UserError

# Stage -> its folder under the experiment's; the config section has the stage's name.
STAGES = {
    "generate": "trajectories",
    "curate": "dataset",
    "train": "checkpoint",
    "serve": "endpoint",
    "evaluate": "evaluation",
}
VARIED = ("curate", "train")


class Asked(NamedTuple):
    """What was asked for: a YAML file, ``key=value`` words, and stages in order."""

    path: str
    words: list[str]
    stages: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One stage of the experiment, or of one of its variants.

    Attributes:
        stage: Name of the stage.
        variant: Name of the variant; None for the experiment's own.
        words: Arguments of the job after ``--config FILE``.
        config: The experiment as the job sees it.
    """

    stage: str
    variant: str | None
    words: tuple[str, ...]
    config: ExperimentConfig

    @property
    def name(self) -> str:
        """What the step is called in logs and messages."""
        return self.stage if self.variant is None else f"{self.stage} ({self.variant})"

    @property
    def folder(self) -> Path:
        """Where it writes."""
        return self.config.output / STAGES[self.stage]

    def is_done(self) -> bool:
        """True if the folder is finished for this configuration."""
        # The report is drawn after the manifest; a kill in between must not lose it.
        drawn = self.stage != "evaluate" or (self.config.output / "report.html").exists()
        return drawn and artifacts.is_done(self.folder, getattr(self.config, self.stage))


def plan_steps(asked: Asked, config: ExperimentConfig) -> list[Step]:
    """The steps in order: a variant's dataset and checkpoint come right after the experiment's own checkpoint.

    Raises:
        UserError: If a variant changes a stage that all share.
    """
    own = {stage: Step(stage=stage, variant=None, words=tuple(asked.words), config=config) for stage in STAGES}
    early = [own["generate"], own["curate"], own["train"]]
    steps = [*early, *_varied(asked, config), own["serve"], own["evaluate"]]
    return [step for step in steps if step.stage in asked.stages]


def _varied(asked: Asked, config: ExperimentConfig) -> Iterator[Step]:
    for name, changes in config.variants.items():
        for word in changes:
            if word.partition(".")[0] not in VARIED:
                raise UserError(
                    f"variants.{name}",
                    word,
                    "a variant shares everything but its dataset and its training",
                    f"change settings of {' and '.join(VARIED)}, e.g. curate.selection=shortest",
                )
        words = [*asked.words, *changes, *_places(config, name)]
        varied = load(asked.path, words)
        yield from (Step(stage=stage, variant=name, words=tuple(words), config=varied) for stage in VARIED)


def _places(config: ExperimentConfig, name: str) -> Sequence[str]:
    """A folder of its own, with the trajectories that all share."""
    return f"output_dir={config.output / 'variants' / name}", f"curate.trajectories={config.curate.trajectories}"
