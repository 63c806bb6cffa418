"""All stages of an experiment in order: skip what is done, continue what is half done."""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from z1ray import artifacts
from z1ray.config import ExperimentConfig, load
from z1ray.errors import UserError
from z1ray.launch import print_result
from z1ray.models import embedded, miniature
from z1ray.pipeline import jobs_api
from z1ray.pipeline.ablations_table import write_ablations
from z1ray.pipeline.head import local_head
from z1ray.pipeline.steps import STAGES, Asked, Plan, Step, plan_steps
from z1ray.pipeline.submit import JobFailed
from z1ray.pipeline.summary import print_summary
from z1ray.pipeline.sweep import Sweep
from z1ray.progress import say

MODELS = {embedded.NAME: embedded.prepare, miniature.NAME: miniature.prepare}
"""Models that packages carry: how each is put into a folder."""


def run_pipeline(args: argparse.Namespace, working_dir: Path) -> int:
    """Run an experiment's stages as Ray jobs.

    Args:
        args: What ``jobs/pipeline.py`` parsed: config, overrides, force, address, stages, json, quiet.
        working_dir: The checkout that is sent along with each job.

    Returns:
        The exit status: 0, or 1 if a stage failed; what is written stays.

    Raises:
        UserError: For a bad configuration, an unknown stage, or a cluster that does not answer.
    """
    config = load(args.config, args.overrides)
    # A job runs in a copy of the checkout, so its folders must be absolute.
    root = f"root={Path(config.root).absolute()}"
    config = load(args.config, [*args.overrides, root])
    asked = Asked(str(Path(args.config).absolute()), [*args.overrides, root], _chosen(args.stages, config))
    plan = plan_steps(asked, config)
    failures: Mapping[str, JobFailed] = {}
    if not args.force and all(step.is_done() for step in plan.steps):
        say("every stage is done; pass --force to redo")
    else:
        prepare_models(config)
        with _cluster(args.address) as head:
            failures = _run(asked.path, config, plan, args.force, head, working_dir)
    table = write_ablations(config)
    if args.json:
        print_result(args, results(config.output, plan.steps) | {"failed": sorted(failures)})
    elif not args.quiet:
        print_summary(config.output, table)
    sys.stdout.flush()  # what follows is to come last
    for name, failure in failures.items():
        print(f"\nz1ray: {name}: {failure}\n", file=sys.stderr)
    return 1 if failures else 0


def results(run: Path, steps: Sequence[Step]) -> dict[str, Any]:
    """What the steps came to: manifests of those that are done, and the run's results as far as they are there."""

    def read(name: str, otherwise: Any) -> Any:
        return json.loads((run / name).read_text()) if (run / name).exists() else otherwise

    done = [step for step in steps if (step.folder / artifacts.MANIFEST).exists()]
    return {
        "run": str(run),
        "stages": {step.name: artifacts.manifest(step.folder) for step in done},
        "curve": read("curve.json", []),
        "findings": read("findings.json", {}),
        "ablations": read("ablations.json", {}),
    }


def _chosen(words: str | None, config: ExperimentConfig) -> list[str]:
    names = words.split(",") if words else config.stages
    for name in names:
        if name not in STAGES:
            raise UserError("--stages", name, "no such stage", f"use some of {','.join(STAGES)}")
    return [stage for stage in STAGES if stage in names]


def prepare_models(config: ExperimentConfig) -> None:
    """Put the models that come with packages where the experiment uses them, unless they are there."""
    teachers = [teacher.model for teacher in config.generate.teachers.values()]
    used = {*teachers, config.train.model, *config.serve.models.values(), *config.evaluate.models.values()}
    for name, prepare in MODELS.items():
        folder = Path(config.models_dir) / name
        if str(folder) in used and prepare(folder):
            say(f"model {name} is in {folder}")


def _cluster(address: str | None) -> AbstractContextManager[str]:
    return local_head() if address is None else nullcontext(address)


def _run(
    path: str, config: ExperimentConfig, plan: Plan, force: bool, address: str, working_dir: Path
) -> Mapping[str, JobFailed]:
    client = jobs_api.connect(address)
    sweep = Sweep(client=client, path=path, config=config, plan=plan, force=force, working_dir=working_dir)
    asyncio.run(sweep.run())
    return sweep.failures
