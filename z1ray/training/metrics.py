"""What training tells while it runs: one JSON line and one printed line per step."""

import json
import sys
import time
from pathlib import Path
from typing import Any

from z1ray.progress import MARK

METRICS = "metrics.jsonl"
STARTS = "starts.jsonl"

Metrics = dict[str, Any]


class MetricsLog:
    """Writes ``metrics.jsonl``; a resumed run continues the file without a step doubled.

    Args:
        output: The stage's folder.
        first_step: Steps taken before this start; what the file says of later ones
            is about to be done again and is removed.
        num_steps: Steps of the whole run.
    """

    def __init__(self, output: Path, first_step: int, num_steps: int) -> None:
        self._path = output / METRICS
        self._first_step, self._num_steps = first_step, num_steps
        self._began = time.monotonic()
        kept = [row for row in read(output) if row["step"] <= first_step]
        partial = self._path.with_suffix(".partial")
        partial.write_text("".join(json.dumps(row) + "\n" for row in kept))
        partial.replace(self._path)
        with (output / STARTS).open("a") as starts:
            starts.write(json.dumps({"step": first_step, "time": time.time()}) + "\n")

    def append(self, row: Metrics) -> None:
        """Write one step's figures to the file, and a line about them to stdout."""
        with self._path.open("a") as file:
            file.write(json.dumps(row) + "\n")
        per_step = (time.monotonic() - self._began) / (row["step"] - self._first_step)
        remaining = per_step * (self._num_steps - row["step"])
        # Ray carries a worker's stdout to the driver; Ray Train's own print would do so twice.
        sys.stdout.write(MARK + progress_line(row, self._num_steps, remaining) + "\n")
        sys.stdout.flush()


def progress_line(row: Metrics, num_steps: int, remaining_s: float) -> str:
    """One step for the eye."""
    minutes, seconds = divmod(round(remaining_s), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"train step {row['step']}/{num_steps}  loss {row['loss']:.4f}  lr {row['learning_rate']:.2e}  "
        f"grad norm {row['grad_norm']:.3f}  {row['num_tokens']} tokens  {row['tokens_per_second']:.0f} tok/s  "
        f"{row['seconds']:.1f} s  left {hours}:{minutes:02d}:{seconds:02d}"
    )


def read(output: Path) -> list[Metrics]:
    """The figures of all steps so far; a last line cut off by a kill is left out."""
    path = output / METRICS
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]


def num_resumes(output: Path) -> int:
    """How often training was started again after its first start."""
    return len((output / STARTS).read_text().splitlines()) - 1
