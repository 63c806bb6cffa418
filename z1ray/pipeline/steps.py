"""The steps of an experiment: its stages, and those of its variants that differ."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from z1ray import artifacts
from z1ray.config import ExperimentConfig, load
from z1ray.errors import UserError
from z1ray.evaluation.problems import FILE, are_edited

STAGES = artifacts.FOLDERS
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
        return artifacts.is_done(self.folder, getattr(self.config, self.stage)) and (
            self.stage != "evaluate" or self._is_drawn()
        )

    def _is_drawn(self) -> bool:
        """Whether the report, which comes after the manifest, shows these intervals and today's problems."""
        findings, report = (self.config.output / name for name in ("findings.json", "report.html"))
        if not findings.exists() or not report.exists() or are_edited(self.config.evaluate, self.folder / FILE):
            return False
        return bool(json.loads(findings.read_text())["confidence"] == self.config.evaluate.confidence)


class Plan(NamedTuple):
    """The steps in order: each list one after the other, variants independent of each other."""

    early: list[Step]
    variants: dict[str, list[Step]]
    late: list[Step]

    @property
    def steps(self) -> list[Step]:
        """All of them."""
        return [*self.early, *(step for steps in self.variants.values() for step in steps), *self.late]


def plan_steps(asked: Asked, config: ExperimentConfig) -> Plan:
    """The steps that were asked for.

    Raises:
        UserError: If a variant changes a stage that all share.
    """
    own = [Step(stage=stage, variant=None, words=tuple(asked.words), config=config) for stage in asked.stages]
    varied = {
        name: [step for step in _varied(asked, config, name, changes or []) if step.stage in asked.stages]
        for name, changes in config.variants.items()
    }
    late = ("serve", "evaluate")
    return Plan(
        early=[step for step in own if step.stage not in late],
        variants={name: steps for name, steps in varied.items() if steps},
        late=[step for step in own if step.stage in late],
    )


def without(step: Step, variants: Collection[str], path: str) -> Step:
    """The step for an experiment that lacks these variants.

    Args:
        step: A step of the experiment's own.
        variants: Names to leave out.
        path: The experiment's file.
    """
    words = [*step.words, *(f"variants.{name}=null" for name in variants)]
    return replace(step, words=tuple(words), config=load(path, words))


def _varied(asked: Asked, config: ExperimentConfig, name: str, changes: Sequence[str]) -> Iterator[Step]:
    for word in changes:
        if word.partition(".")[0] not in VARIED:
            raise UserError(
                f"variants.{name}",
                word,
                "a variant shares everything but its dataset and its training",
                f"change settings of {' and '.join(VARIED)}, e.g. curate.selection=shortest",
            )
    # A folder of its own, with the trajectories that all share.
    places = [f"output_dir={config.folder_of(name)}", f"curate.trajectories={config.curate.trajectories}"]
    # The verdicts, too, unless it tests in another way.
    if not any(word.startswith(("curate.sandbox", "curate.verify")) for word in changes):
        places.append(f"curate.verdicts={config.output / STAGES['curate']}")
    words = [*asked.words, *changes, *places]
    varied = load(asked.path, words)
    yield from (Step(stage=stage, variant=name, words=tuple(words), config=varied) for stage in VARIED)
