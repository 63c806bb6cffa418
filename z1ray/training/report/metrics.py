"""What training tells while it runs: the first worker's record of every step, and who reads it.

A step is a line of ``metrics.jsonl``, a line in the log, TensorBoard events and Ray's
metrics. The driver reads the file to set the job's message on the Jobs page.
"""

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from z1ray.files import write_text
from z1ray.jobstatus import tell_job
from z1ray.progress import MARK, in_background
from z1ray.training.report.events import Events
from z1ray.training.report.gauges import Gauges

METRICS = "metrics.jsonl"
STARTS = "starts.jsonl"

Metrics = dict[str, Any]
"""A step's figures: ``step``, ``loss``, ``learning_rate``, ``grad_norm``, ``num_tokens`` (trained),
``tokens_per_second``, ``seconds``, ``fill_ratio``, on a GPU ``mfu`` and ``peak_memory_bytes``;
``append`` adds ``steps_left`` and ``seconds_left``."""


class MetricsLog:
    """Records each step; a resumed run continues without a step doubled.

    Args:
        output: The stage's folder.
        first_step: Steps taken before this start; what the record says of later ones
            is about to be done again and is removed.
        num_steps: Steps of the whole run.
    """

    def __init__(self, output: Path, first_step: int, num_steps: int) -> None:
        self._path = output / METRICS
        self._first_step, self._num_steps = first_step, num_steps
        self._began = time.monotonic()
        kept = [row for row in read(output) if row["step"] <= first_step]
        write_text(self._path, "".join(json.dumps(row) + "\n" for row in kept))
        with (output / STARTS).open("a") as starts:
            starts.write(json.dumps({"step": first_step, "time": time.time()}) + "\n")
        self._events, self._gauges = Events(output, first_step), Gauges(output.parent.name)

    def append(self, row: Metrics) -> None:
        """Record one step's figures and print a line about them."""
        per_step = (time.monotonic() - self._began) / (row["step"] - self._first_step)
        left = self._num_steps - row["step"]
        row = row | {"steps_left": left, "seconds_left": round(per_step * left, 1)}
        with self._path.open("a") as file:
            file.write(json.dumps(row) + "\n")
        self._events.add(row)
        self._gauges.show(row)
        # Ray carries a worker's stdout to the driver; Ray Train's own print would do so twice.
        sys.stdout.write(MARK + progress_line(row, time.time()) + "\n")
        sys.stdout.flush()


def progress_line(row: Metrics, now: float) -> str:
    """One recorded step as a line of text; ``now`` is the present time in Unix seconds."""
    minutes, seconds = divmod(round(row["seconds_left"]), 60)
    hours, minutes = divmod(minutes, 60)
    end = time.strftime("%m-%d %H:%M", time.gmtime(now + row["seconds_left"]))
    shares = "".join(
        f"  {name} {100 * row[key]:.1f} %" for name, key in (("fill", "fill_ratio"), ("MFU", "mfu")) if key in row
    )
    return (
        f"train step {row['step']}/{row['step'] + row['steps_left']}  loss {row['loss']:.4f}  "
        f"lr {row['learning_rate']:.2e}  grad norm {row['grad_norm']:.3f}  {row['num_tokens']} tokens  "
        f"{row['tokens_per_second']:.0f} tok/s{shares}  {row['seconds']:.1f} s  "
        f"left {hours}:{minutes:02d}:{seconds:02d} (until {end} UTC)"
    )


@contextmanager
def tell_progress(output: Path, every_s: float = 5.0) -> Iterator[None]:
    """While the block runs, keep the Ray job's message at the newest step; for the driver.

    Args:
        output: The stage's folder.
        every_s: Seconds between looks.
    """
    with in_background(partial(_tell, output / METRICS, every_s)):
        yield


def _tell(path: Path, every_s: float, stop: threading.Event) -> None:
    told = None
    stopped = False
    while not stopped:
        stopped = stop.wait(every_s)
        last = _last_line(path)
        if last is not None and last != told:
            tell_job(progress_line(json.loads(last), time.time()))
            told = last


def _last_line(path: Path, most_bytes: int = 4096) -> str | None:
    """The last whole line, read from the file's end; None if there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - most_bytes))
            *whole, _ = file.read().decode().split("\n")
    except FileNotFoundError:  # Nothing is written yet, or the file is being replaced.
        return None
    return whole[-1] if whole else None


def read(output: Path) -> list[Metrics]:
    """The figures of all steps so far; a last line cut off by a kill is left out."""
    path = output / METRICS
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]


def num_resumes(output: Path) -> int:
    """How often training was started again after its first start."""
    return len((output / STARTS).read_text().splitlines()) - 1
