"""Training as a user starts it, ``jobs/train.py`` in a process of its own; watching, stopping and killing it."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.processes import kill_tree
from z1ray.training.config import TrainConfig
from z1ray.training.report import metrics

ROOT = Path(__file__).parents[2]
DEADLINE_S = 600.0
# How long a number has not changed that is at rest.
REST_S = 2.0


def words(config: TrainConfig, run: Path) -> list[str]:
    """The command line that makes ``conf/local.yaml`` this configuration, in this run's folder."""
    asked = [f"{name}={'null' if value is None else value}" for name, value in _dotted("train", config) if value != ""]
    return ["--config", "conf/local.yaml", f"output_dir={run}", *asked]


def _dotted(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A section's settings by their dotted names."""
    if not dataclasses.is_dataclass(value):
        yield path, value
        return
    for each in dataclasses.fields(value):
        yield from _dotted(f"{path}.{each.name}", getattr(value, each.name))


def run_job(job: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a launcher to its end."""
    command = [sys.executable, f"jobs/{job}.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S)


@contextmanager
def started(command: Sequence[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A command that runs while the block does; then it and all it started are killed."""
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file)
    try:
        yield process
    finally:
        kill_tree(process.pid)
        process.wait()


def wait(condition: Callable[[], bool]) -> None:
    """Look until it holds."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def at_rest(number: Callable[[], int]) -> int:
    """A number once it has not changed for a while."""
    seen, since = number(), time.monotonic()
    while time.monotonic() - since < REST_S:
        time.sleep(0.05)
        if (now := number()) != seen:
            seen, since = now, time.monotonic()
    return seen


def workers(pid: int) -> list[psutil.Process]:
    """Ray Train's workers below a process."""
    found = []
    for process in psutil.Process(pid).children(recursive=True):
        try:
            if process.cmdline() and process.cmdline()[0].startswith("ray::RayTrainWorker"):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def stop_mid_step(pid: int, output: Path, num_starts: int, after: int) -> int:
    """Stop (SIGSTOP) a worker while it computes an optimizer step; how many steps were taken by then.

    A step with an odd number is followed by the next one at once, with no checkpoint between
    (``train.checkpoint.every`` is 2). So a worker that is stopped when the last step on record is
    odd is within a step, and stays there: the other one waits for it.

    Args:
        pid: The driver.
        output: The stage's folder.
        num_starts: The start of the workers to wait for.
        after: Least number of steps taken.
    """
    while True:
        wait(lambda: num_starts_of(output) == num_starts and steps_taken(output) >= after)
        victim = workers(pid)[-1]
        victim.send_signal(signal.SIGSTOP)
        # Until what the other worker has computed is on record.
        taken = at_rest(lambda: steps_taken(output))
        if taken % 2:
            return taken
        victim.send_signal(signal.SIGCONT)


def steps_taken(output: Path) -> int:
    """The last step on record."""
    return max((row["step"] for row in metrics.read(output)), default=0)


def num_starts_of(output: Path) -> int:
    """How often workers have started."""
    return len(starts_of(output))


def starts_of(output: Path) -> list[int]:
    """The steps that each start of the workers began after."""
    path = output / metrics.STARTS
    return [json.loads(line)["step"] for line in path.read_text().splitlines()] if path.exists() else []


def own_pid() -> int:
    """The test process, where a training runs in it."""
    return os.getpid()
