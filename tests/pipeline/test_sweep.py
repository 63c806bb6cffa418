"""The order of a run's steps, and what a failure leaves standing; jobs are stood in for by a record of their starts."""

import asyncio
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from z1ray import artifacts
from z1ray.config import load
from z1ray.pipeline import sweep
from z1ray.pipeline.steps import Asked, plan_steps
from z1ray.pipeline.submit import JobFailed

ROOT = Path(__file__).parents[2]
VARIANTS = ("one", "two", "three")


class Jobs:
    """Stands in for Ray: finishes a step's folder, unless the step is to fail.

    Args:
        failing: Names of the stage and the variant that fail.
    """

    def __init__(self, *failing: tuple[str, str]) -> None:
        self.failing = failing
        self.started: list[tuple[str, str]] = []
        self.words: list[list[str]] = []
        self.running, self.most = 0, 0

    async def run(
        self, client: Any, stage: str, words: list[str], tree: Path, log: Path, about: Any, label: str
    ) -> None:
        """The same arguments as ``run_job``'s."""
        step = (stage, about["variant"])
        self.started.append(step)
        self.words.append(words)
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0)
        self.running -= 1
        if step in self.failing:
            raise JobFailed("a disk is full")
        if stage == "train":
            artifacts.begin(log.parents[1] / "checkpoint", load(words[1], words[2:]).train)
            artifacts.finish(log.parents[1] / "checkpoint", 0.0)


def run(monkeypatch, folder, jobs, *changes):
    """Run an experiment with three variants; returns its failures."""
    path = folder / "small.yaml"
    OmegaConf.save({"name": "small", "based_on": "miniature.yaml"}, path)
    (folder / "miniature.yaml").write_text((ROOT / "conf" / "miniature.yaml").read_text())
    given = [f"root={folder}", "variants.long-only=null", *(f"variants.{name}=['train.seed=1']" for name in VARIANTS)]
    words = [*given, *changes]
    config = load(path, words)
    monkeypatch.setattr(sweep, "run_job", jobs.run)
    planned = plan_steps(Asked(str(path), words, list(config.stages)), config)
    client: Any = None
    made = sweep.Sweep(client=client, path=str(path), config=config, plan=planned, force=False, working_dir=folder)
    asyncio.run(made.run())
    return {name: str(failure) for name, failure in made.failures.items()}


def test_steps_run_in_order_one_at_a_time(monkeypatch, tmp_path):
    """The experiment's own model first, then variant after variant, then what compares them."""
    jobs = Jobs()
    assert run(monkeypatch, tmp_path, jobs) == {}
    varied = [(stage, name) for name in VARIANTS for stage in ("curate", "train")]
    own = [(stage, "") for stage in ("generate", "curate", "train")]
    assert jobs.started == [*own, *varied, ("serve", ""), ("evaluate", "")]
    assert jobs.most == 1


def test_variants_run_side_by_side_up_to_a_number(monkeypatch, tmp_path):
    """A cluster with room for two is not asked for three."""
    jobs = Jobs()
    assert run(monkeypatch, tmp_path, jobs, "variants_at_once=2") == {}
    assert jobs.most == 2
    assert sorted(jobs.started[3:-2]) == sorted((stage, name) for name in VARIANTS for stage in ("curate", "train"))


def test_a_failed_variant_leaves_the_others_going_and_is_not_evaluated(monkeypatch, tmp_path):
    """One bad setting among ten must not cost the night; what is missing can be added by the same command."""
    jobs = Jobs(("curate", "two"))
    assert run(monkeypatch, tmp_path, jobs) == {"curate (two)": "a disk is full"}
    assert ("train", "two") not in jobs.started
    assert jobs.started[-3:] == [("train", "three"), ("serve", ""), ("evaluate", "")]
    models = load(jobs.words[-1][1], jobs.words[-1][2:]).evaluate.models
    assert {"one", "three"} < set(models)
    assert "two" not in models


def test_a_failure_of_the_experiment_itself_ends_the_run(monkeypatch, tmp_path):
    """Nothing could be compared with it."""
    jobs = Jobs(("train", ""))
    assert run(monkeypatch, tmp_path, jobs) == {"train": "a disk is full"}
    assert jobs.started[-1] == ("train", "")


def test_what_is_done_is_skipped(monkeypatch, tmp_path):
    """A sweep that was killed goes on behind its last finished step."""
    first, second = Jobs(("train", "two")), Jobs()
    run(monkeypatch, tmp_path, first)
    assert run(monkeypatch, tmp_path, second) == {}
    assert [step for step in second.started if step[0] == "train"] == [("train", "two")]


def test_variants_without_a_checkpoint_are_not_evaluated(monkeypatch, tmp_path):
    """Evaluation alone takes what has been trained so far."""
    jobs = Jobs()
    assert run(monkeypatch, tmp_path, jobs, "stages=[evaluate]") == {}
    assert not set(VARIANTS) & set(load(jobs.words[-1][1], jobs.words[-1][2:]).evaluate.models)
