"""Running planned steps as Ray jobs: the experiment's own one after the other, its variants side by side."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from z1ray.artifacts import MANIFEST
from z1ray.config import ExperimentConfig
from z1ray.pipeline.steps import STAGES, Plan, Step, without
from z1ray.pipeline.submit import JobFailed, run_job
from z1ray.progress import say

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What all steps of a run share.

    Attributes:
        client: Of the cluster that takes the jobs.
        path: The experiment's file.
        config: The experiment.
        plan: Its steps.
        force: Redo steps that are done.
        working_dir: The checkout that is sent along with each job.
        failures: Filled with what went wrong, by the step's name.
    """

    client: "JobSubmissionClient"
    path: str
    config: ExperimentConfig
    plan: Plan
    force: bool
    working_dir: Path
    failures: dict[str, JobFailed] = field(default_factory=dict)

    async def run(self) -> None:
        """Run all steps that are not done. A failed variant is left out of what follows; any other failure ends it."""
        if not await self._chain(self.plan.early):
            return
        room = asyncio.Semaphore(self.config.variants_at_once)
        # A `TaskGroup` cancels the others if one is interrupted, so that every job is stopped.
        async with asyncio.TaskGroup() as group:
            for steps in self.plan.variants.values():
                group.create_task(self._variant(steps, room))
        missing = self._unfinished()
        if missing and self.plan.late:
            say(f"without {', '.join(missing)}: no checkpoint is there for the present settings")
        await self._chain([without(step, missing, self.path) if missing else step for step in self.plan.late])

    async def _variant(self, steps: Sequence[Step], room: asyncio.Semaphore) -> None:
        async with room:
            if not await self._chain(steps):
                say(f"{steps[0].variant}: FAILED, the others go on; the end tells why")

    async def _chain(self, steps: Sequence[Step]) -> bool:
        """Run steps one after the other up to one that fails; False if one did."""
        for step in steps:
            try:
                await self._step(step)
            except JobFailed as failure:
                self.failures[step.name] = failure
                return False
        return True

    async def _step(self, step: Step) -> None:
        names = [each.name for each in self.plan.steps]
        title = f"[{names.index(step.name) + 1}/{len(names)}] {step.name}"
        if not self.force and step.is_done():
            say(f"{title}: done before, skipped")
            return
        say(f"{title}: submitted")
        started = time.monotonic()
        await run_job(
            self.client,
            step.stage,
            ["--config", self.path, *step.words, *(["--force"] if self.force else [])],
            self.working_dir,
            step.config.output / "logs" / f"{step.stage}.log",
            {"experiment": step.config.name, "config": self.path, "variant": step.variant or ""},
            f"{step.name}: " if self.config.variants_at_once > 1 and step.variant else "",
        )
        say(f"{title}: done in {time.monotonic() - started:.0f} s")

    def _unfinished(self) -> list[str]:
        """Variants without a checkpoint, or whose steps failed just now."""
        failed = {step.variant for step in self.plan.steps if step.name in self.failures}
        checkpoint = Path(STAGES["train"]) / MANIFEST
        return [
            name
            for name in self.config.variants
            if name in failed or not (self.config.folder_of(name) / checkpoint).exists()
        ]
