"""Running the tests of many responses, side by side on the cluster."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from z1ray.grading.config import SandboxConfig
from z1ray.records import Row


def verify(
    rows: Sequence[Row], problems: Mapping[str, Row], config: SandboxConfig, parallelism: int
) -> dict[str, dict[str, Any]]:
    """Check each row's text against its problem's tests.

    Args:
        rows: Rows with ``trajectory_id``, ``problem_id`` and ``text``.
        problems: Problem rows by id.
        config: Limits of each run.
        parallelism: Sandboxes that run at a time, at most.

    Returns:
        By trajectory id: ``verified`` (None without tests), ``verdict``, and ``sandbox``, the
        kind of sandbox it ran in (None if nothing was run).
    """
    if not rows:
        return {}
    import ray

    tasks = [_task(row, problems[row["problem_id"]]) for row in rows]
    dataset = ray.data.from_items(tasks, override_num_blocks=min(len(tasks), 4 * parallelism))
    checked = dataset.map(partial(check_task, config=config), compute=ray.data.TaskPoolStrategy(size=parallelism))
    return {result.pop("trajectory_id"): result for result in checked.take_all()}


def check_task(task: Row, config: SandboxConfig) -> dict[str, Any]:
    """One check, as a Ray task: from and to flat rows, whose columns Arrow gives one type each."""
    from z1ray.grading import sandbox
    from z1ray.grading.verdict import check

    problem = json.loads(task["problem"])
    verdict = check(problem, task["text"], config)
    ran = problem["tests"] is not None
    return {
        "trajectory_id": task["trajectory_id"],
        "verified": verdict.passed,
        "verdict": verdict.verdict,
        "sandbox": sandbox.kind() if ran else None,
    }


def _task(row: Row, problem: Row) -> Row:
    return {"trajectory_id": row["trajectory_id"], "text": row["text"], "problem": json.dumps(problem)}
