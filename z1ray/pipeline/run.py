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
from z1ray.models import embedded
from z1ray.pipeline.head import local_head
from z1ray.pipeline.submit import JobFailed, run_job
from z1ray.pipeline.summary import print_summary
from z1ray.progress import say

# Stage -> its folder under the experiment's; the config section has the stage's name.
STAGES = {
    "generate": "trajectories",
    "curate": "dataset",
    "train": "checkpoint",
    "serve": "endpoint",
    "evaluate": "evaluation",
}


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
    stages = _chosen(args.stages)
    if not args.force and all(is_done(config, stage) for stage in stages):
        say("every stage is done; pass --force to redo")
    else:
        prepare_embedded(config)
        arguments = ["--config", str(Path(args.config).absolute()), *args.overrides, root]
        try:
            with _cluster(args.address) as head:
                _run_stages(config, arguments, stages, args.force, head, working_dir)
        except JobFailed as failure:
            print(f"\nz1ray: {failure}\n", file=sys.stderr)
            return 1
    if args.json:
        print_result(args, results(config.output, stages))
    elif not args.quiet:
        print_summary(config.output)
    return 0


def results(run: Path, stages: Sequence[str]) -> dict[str, Any]:
    """What the stages came to: their manifests, the curve and its findings, as far as they are there."""
    curve, findings = run / "curve.json", run / "findings.json"
    return {
        "run": str(run),
        "stages": {stage: artifacts.manifest(run / STAGES[stage]) for stage in stages},
        "curve": json.loads(curve.read_text()) if curve.exists() else [],
        "findings": json.loads(findings.read_text()) if findings.exists() else {},
    }


def _chosen(words: str | None) -> list[str]:
    names = words.split(",") if words else list(STAGES)
    for name in names:
        if name not in STAGES:
            raise UserError("--stages", name, "no such stage", f"use some of {','.join(STAGES)}")
    return [stage for stage in STAGES if stage in names]


def is_done(config: ExperimentConfig, stage: str) -> bool:
    """True if the stage's folder is finished for this configuration."""
    # The report is drawn after the manifest; a kill in between must not lose it.
    drawn = stage != "evaluate" or (config.output / "report.html").exists()
    return drawn and artifacts.is_done(config.output / STAGES[stage], getattr(config, stage))


def prepare_embedded(config: ExperimentConfig) -> None:
    """Convert the embedded model if the experiment uses it and it is not there yet."""
    folder = Path(config.models_dir) / embedded.NAME
    teachers = [teacher.model for teacher in config.generate.teachers.values()]
    used = {*teachers, config.train.model, *config.serve.models.values(), *config.evaluate.models.values()}
    if str(folder) in used:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if embedded.prepare(folder):
            say(f"embedded model converted to {folder}")


def _cluster(address: str | None) -> AbstractContextManager[str]:
    return local_head() if address is None else nullcontext(address)


def _run_stages(
    config: ExperimentConfig,
    arguments: Sequence[str],
    stages: Sequence[str],
    force: bool,
    address: str,
    working_dir: Path,
) -> None:
    from ray.job_submission import JobSubmissionClient

    client = JobSubmissionClient(address)
    metadata = {"experiment": config.name, "config": arguments[arguments.index("--config") + 1]}
    for number, stage in enumerate(stages, start=1):
        title = f"[{number}/{len(stages)}] {stage}"
        if not force and is_done(config, stage):
            say(f"{title}: done before, skipped")
            continue
        say(f"{title}: submitted")
        started = time.monotonic()
        words = [*arguments, *(["--force"] if force else [])]
        run_job(client, stage, words, working_dir, config.output / "logs" / f"{stage}.log", metadata)
        say(f"{title}: done in {time.monotonic() - started:.0f} s")
