"""The stage problems -> trajectories.

Writes ``problems.parquet``, ``requests.parquet``, ``data/*.parquet`` (Trajectory
rows, one per request) and the manifest.
"""

import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from z1ray import artifacts
from z1ray.engine.batch import run_requests, write_requests
from z1ray.errors import UserError
from z1ray.models.lookup import require
from z1ray.problems.load import load_problems
from z1ray.progress import watch
from z1ray.records import PROBLEM, TRAJECTORY, Row, read_rows, write_rows
from z1ray.trajectories.config import GenerateConfig
from z1ray.trajectories.requests import REQUEST, build_requests


def generate(config: GenerateConfig, output: Path, *, force: bool = False) -> dict[str, Any]:
    """Generate one trajectory per problem, mode and sample; needs a running Ray.

    A run that was killed continues where it stopped.

    Returns:
        The manifest: counts per mode and finish reason, tokens, seconds.

    Raises:
        UserError: For a missing model, a bad problem, or more failed requests than
            ``max_failed_share``; finished rows stay.
    """
    started = time.time()
    require("generate.model", config.model)
    if not artifacts.begin(output, config, force=force):
        return artifacts.manifest(output)
    requests = output / "requests.parquet"
    if not requests.exists():
        problems = load_problems(config.problems)
        rows = build_requests(config, problems)
        write_rows(problems, output / "problems.parquet", PROBLEM)
        write_requests(rows, requests, REQUEST)
    expected = [row["trajectory_id"] for row in read_rows(requests)]
    with watch("generate", output / "data", len(expected)):
        run_requests(
            requests,
            output,
            model=config.model,
            engine=config.engine,
            id_column="trajectory_id",
            schema=TRAJECTORY,
            batch_size=config.batch_size,
            to_row=partial(_trajectory, model=config.model),
        )
    rows = read_rows(output / "data")
    assert sorted(row["trajectory_id"] for row in rows) == sorted(expected), "a request was lost or answered twice"
    _require_few_failures(config, rows)
    return artifacts.finish(output, started, **summary(rows))


def summary(rows: list[Row]) -> dict[str, Any]:
    """Counts of a run for its manifest."""
    return {
        "num_trajectories": len(rows),
        "num_failed": sum(row["error"] is not None for row in rows),
        "num_tokens": sum(row["num_tokens"] for row in rows),
        "finish_reasons": _by_mode(rows),
    }


def _by_mode(rows: list[Row]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        counts.setdefault(row["mode"], Counter())[row["finish_reason"]] += 1
    return {mode: dict(counter) for mode, counter in counts.items()}


def _trajectory(row: Row, *, model: str) -> Row:
    return {name: row.get(name) for name in TRAJECTORY.names} | {"model": model}


def _require_few_failures(config: GenerateConfig, rows: list[Row]) -> None:
    failed = [row for row in rows if row["error"] is not None]
    if len(failed) > config.max_failed_share * len(rows):
        raise UserError(
            "generate.max_failed_share",
            config.max_failed_share,
            f"{len(failed)} of {len(rows)} requests failed, first {failed[0]['trajectory_id']}: {failed[0]['error']}",
            "mend the cause and pass --force, or allow a larger share",
        )
