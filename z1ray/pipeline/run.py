"""All stages of an experiment in order: skip what is done, continue what is half done."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from z1ray import artifacts
from z1ray.config import ExperimentConfig, load
from z1ray.errors import UserError
from z1ray.launch import print_result
from z1ray.models import embedded, miniature
from z1ray.pipeline.head import local_head
from z1ray.pipeline.steps import STAGES, Asked, Step, plan_steps
from z1ray.pipeline.submit import JobFailed, run_job
from z1ray.pipeline.summary import print_summary
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
        UserError: For a bad configuration or an unknown stage.
    """
    config = load(args.config, args.overrides)
    # A job runs in a copy of the checkout, so its folders must be absolute.
    root = f"root={Path(config.root).absolute()}"
    config = load(args.config, [*args.overrides, root])
    asked = Asked(str(Path(args.config).absolute()), [*args.overrides, root], _chosen(args.stages))
    steps = plan_steps(asked, config)
    if not args.force and all(step.is_done() for step in steps):
        say("every stage is done; pass --force to redo")
    else:
        prepare_models(config)
        try:
            with _cluster(args.address) as head:
                _run_steps(asked, steps, args.force, head, working_dir)
        except JobFailed as failure:
            print(f"\nz1ray: {failure}\n", file=sys.stderr)
            return 1
    if args.json:
        print_result(args, results(config.output, steps))
    elif not args.quiet:
        print_summary(config.output)
    return 0


def results(run: Path, steps: Sequence[Step]) -> dict[str, Any]:
    """What the steps came to: their manifests, the curve and its findings, as far as they are there."""
    curve, findings = run / "curve.json", run / "findings.json"
    return {
        "run": str(run),
        "stages": {step.name: artifacts.manifest(step.folder) for step in steps},
        "curve": json.loads(curve.read_text()) if curve.exists() else [],
        "findings": json.loads(findings.read_text()) if findings.exists() else {},
    }


def _chosen(words: str | None) -> list[str]:
    names = words.split(",") if words else list(STAGES)
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


def _run_steps(asked: Asked, steps: Sequence[Step], force: bool, address: str, working_dir: Path) -> None:
    from ray.job_submission import JobSubmissionClient

    client = JobSubmissionClient(address)
    for number, step in enumerate(steps, start=1):
        title = f"[{number}/{len(steps)}] {step.name}"
        if not force and step.is_done():
            say(f"{title}: done before, skipped")
            continue
        say(f"{title}: submitted")
        started = time.monotonic()
        words = ["--config", asked.path, *step.words, *(["--force"] if force else [])]
        metadata = {"experiment": step.config.name, "config": asked.path, "variant": step.variant or ""}
        run_job(client, step.stage, words, working_dir, step.config.output / "logs" / f"{step.stage}.log", metadata)
        say(f"{title}: done in {time.monotonic() - started:.0f} s")
