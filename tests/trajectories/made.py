"""Trajectory folders made by hand, in the files and rows that generation writes."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from z1ray.records import TRAJECTORY, Row, trajectory_id, write_rows


def trajectory(problem_id: str, mode: str = "short", **columns: Any) -> Row:
    """A finished row; ``columns`` replace what it has."""
    row = {
        "trajectory_id": trajectory_id(problem_id, mode, 0),
        "problem_id": problem_id,
        "mode": mode,
        "sample": 0,
        "request": 0,
        "model": "tiny-teacher",
        "messages": [
            {"role": "system", "content": f"Think {mode}."},
            {"role": "user", "content": f"Solve {problem_id}."},
        ],
        "text": f"The answer to {problem_id}, {mode}.",
        "num_prompt_tokens": 17,
        "num_tokens": 10,
        "finish_reason": "stop",
        "sampling": json.dumps({"max_tokens": 150, "seed": 7, "temperature": 0.7}),
    }
    return dict.fromkeys(TRAJECTORY.names) | row | columns


def quarantined(problem_id: str, error: str, mode: str = "short") -> Row:
    return trajectory(problem_id, mode, text=None, num_tokens=0, finish_reason="error", error=error)


def write_run(folder: Path, rows: Sequence[Row], num_files: int = 3) -> Path:
    """Write the rows over some files, as a run does."""
    for i in range(num_files):
        write_rows(rows[i::num_files], folder / "data" / f"part-{i}.parquet", TRAJECTORY)
    return folder
