"""A record of every run of generation over one folder: what was done, on which engines, for how long.

``runs/0001.json`` and so on, one file per run, rewritten every few seconds: a run that is
killed counts until it was last seen, so that the cost adds up over all of them::

    with record_run(output, num_done) as run:                    # around the whole work
        with run.engines("qwq", config.engine): run_requests()   # around each teacher's
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from z1ray.engine.config import EngineConfig
from z1ray.files import write_json
from z1ray.progress import in_background

FOLDER = "runs"


@dataclass(slots=True, kw_only=True)
class EngineTime:
    """The engines of one teacher in one run.

    Attributes:
        teacher: Its name in the configuration.
        num_engines: Engines side by side.
        gpus_per_engine: 0 on CPU.
        began, ended: Unix seconds; engines that run have no end.
    """

    teacher: str
    num_engines: int
    gpus_per_engine: int
    began: float
    ended: float | None = None


@dataclass(slots=True, kw_only=True)
class RunRecord:
    """One run of the driver.

    Attributes:
        started, last_seen: Unix seconds.
        ended: True if the driver left in order, by success or by an error; False if it was killed.
        num_done_at_start: Requests that earlier runs had answered.
        engines: By teacher, in the order they were started.
    """

    started: float
    last_seen: float
    ended: bool = False
    num_done_at_start: int
    engines: list[EngineTime] = field(default_factory=list)

    @property
    def engine_seconds(self) -> float:
        """Seconds times engines, start-up included."""
        return sum(each.num_engines * self._seconds(each) for each in self.engines)

    @property
    def gpu_seconds(self) -> float:
        """Seconds times GPUs, start-up included; 0 on CPU."""
        return sum(each.gpus_per_engine * each.num_engines * self._seconds(each) for each in self.engines)

    def _seconds(self, engines: EngineTime) -> float:
        return (self.last_seen if engines.ended is None else engines.ended) - engines.began


class Run:
    """The run in progress; made by ``record_run``."""

    def __init__(self, path: Path, num_done: int) -> None:
        now = time.time()
        self._path = path
        self._record = RunRecord(started=now, last_seen=now, num_done_at_start=num_done)
        self._lock = threading.Lock()

    @contextmanager
    def engines(self, teacher: str, engine: EngineConfig) -> Iterator[None]:
        """Count the teacher's engines while the block runs."""
        gpus = engine.tensor_parallel_size if engine.device == "gpu" else 0
        used = EngineTime(teacher=teacher, num_engines=engine.replicas, gpus_per_engine=gpus, began=time.time())
        with self._lock:
            self._record.engines.append(used)
        try:
            yield
        finally:
            used.ended = time.time()

    def save(self, *, ended: bool = False) -> None:
        """Write the record, whole or not at all."""
        with self._lock:
            self._record.last_seen, self._record.ended = time.time(), ended
            record = asdict(self._record)
        write_json(self._path, record)


@contextmanager
def record_run(output: Path, num_done: int, every_s: float = 10.0) -> Iterator[Run]:
    """Keep a record of this run while the block runs.

    Args:
        output: The stage's folder.
        num_done: Requests that earlier runs have answered.
        every_s: Seconds between two looks; a killed run loses at most so much.

    Raises:
        OSError: If the first record cannot be written; later ones may fail in silence.
    """
    folder = output / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    run = Run(folder / f"{len(list(folder.glob('*.json'))) + 1:04d}.json", num_done)
    run.save()
    try:
        with in_background(partial(_keep, run, every_s)):
            yield run
    finally:
        # A full disk has its own error on the way; it must not be hidden behind this one.
        with suppress(OSError):
            run.save(ended=True)


def _keep(run: Run, every_s: float, stop: threading.Event) -> None:
    while not stop.wait(every_s):
        with suppress(OSError):
            run.save()


def read_runs(output: Path) -> list[RunRecord]:
    """All runs over the folder, oldest first."""
    records = []
    for path in sorted((output / FOLDER).glob("*.json")):
        content = json.loads(path.read_text())
        engines = [EngineTime(**each) for each in content.pop("engines")]
        records.append(RunRecord(**content, engines=engines))
    return records
