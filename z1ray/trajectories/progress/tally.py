"""Counting while generation runs: workers report, the driver prints a line, Ray exports metrics.

The counts live in one actor without a CPU of its own, on the driver's node. They are for
watching only: rows and the checkpoint are the truth, and a run goes on without its tally.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from z1ray.connect import connect
from z1ray.jobstatus import tell_job
from z1ray.progress import in_background, say
from z1ray.trajectories.progress.counts import Counts, ModeLoad, Progress, Rate, line

if TYPE_CHECKING:
    from ray.actor import ActorHandle

ROWS = "z1ray_generate_rows_total"
PROMPT_TOKENS = "z1ray_generate_prompt_tokens_total"
OUTPUT_TOKENS = "z1ray_generate_output_tokens_total"
QUARANTINED = "z1ray_generate_quarantined_total"
ROWS_LEFT = "z1ray_generate_rows_left"
TOKENS_PER_SECOND = "z1ray_generate_tokens_per_second"


@dataclass(frozen=True, slots=True)
class Report:
    """The rows of one mode in one block, as they travel to the actor.

    Attributes:
        requests: Positions in the request table, int64.
        quarantined: Which of them have an error.
        prompt_tokens, output_tokens: Their sums.
    """

    requests: np.ndarray[Any, Any]
    quarantined: np.ndarray[Any, Any]
    prompt_tokens: int
    output_tokens: int


class Tally:
    """What workers report to; pickles into them."""

    def __init__(self, ledger: "ActorHandle[Any]") -> None:
        self._ledger = ledger

    def report(self, table: pa.Table) -> None:
        """Count finished rows of TRAJECTORY; returns at once, and never fails the caller.

        A block that is reported again, because its worker died before the rows were
        written, counts its rows once.
        """
        # Nothing comes back, so there is nothing to fail when the actor is gone.
        self._ledger.add.options(num_returns=0).remote(digest(table))

    def progress(self, timeout_s: float) -> Progress:
        """The counts now.

        Raises:
            ray.exceptions.RayActorError: If the actor is gone for the moment or for good.
            ray.exceptions.GetTimeoutError: If it does not answer in time.
        """
        import ray

        found: Any = ray.get(self._ledger.progress.remote(), timeout=timeout_s)
        assert isinstance(found, Progress)
        return found

    def restore(self, last: Progress) -> None:
        """Give an actor that Ray has restarted what was counted before."""
        self._ledger.restore.options(num_returns=0).remote(last)


def start_tally(modes: Mapping[str, ModeLoad], num_done: int) -> Tally:
    """Start counting; connects to Ray if need be.

    Args:
        modes: All modes of the request table, whichever teacher answers them.
        num_done: Requests that earlier runs have answered.
    """
    connect()
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    # Where the driver lives, so that no other node's death takes the counts along.
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
    actor: Any = ray.remote(Ledger)
    # Reports that come while Ray starts it anew wait for it.
    actor = actor.options(num_cpus=0, max_restarts=-1, max_task_retries=-1, scheduling_strategy=here)
    return Tally(actor.remote(dict(modes), num_done))


@contextmanager
def watch_tally(tally: Tally, every_s: float = 5.0) -> Iterator[None]:
    """Print a line, and set the Ray job's status message, whenever rows have come; and once at the end."""
    with in_background(partial(_watch, tally, every_s)):
        yield


def _watch(tally: Tally, every_s: float, stop: threading.Event) -> None:
    last: Progress | None = None
    stopped = False
    while not stopped:
        stopped = stop.wait(every_s)
        progress = _look(tally, last, timeout_s=max(every_s, 5.0))
        if progress is not None and (stopped or last is None or progress.sums != last.sums):
            _tell(line(progress, ended=stopped))
        last = progress or last


def _look(tally: Tally, last: Progress | None, timeout_s: float) -> Progress | None:
    """The progress now; None if the actor is gone for the moment or for good."""
    from ray.exceptions import GetTimeoutError, RayActorError

    try:
        progress = tally.progress(timeout_s)
        if last is not None and progress.actor_started != last.actor_started:
            tally.restore(last)
            progress = tally.progress(timeout_s)
    except (RayActorError, GetTimeoutError):
        return None
    return progress


def _tell(text: str) -> None:
    say(f"generate: {text}")
    tell_job(text)


def digest(table: pa.Table) -> dict[str, Report]:
    """What the actor needs to know of a block of TRAJECTORY rows, by mode."""
    found = {}
    for mode in pc.unique(table["mode"]).to_pylist():
        rows = table.filter(pc.equal(table["mode"], mode))
        found[mode] = Report(
            requests=rows["request"].to_numpy(),
            quarantined=pc.is_valid(rows["error"]).to_numpy(),
            prompt_tokens=pc.sum(rows["num_prompt_tokens"]).as_py() or 0,
            output_tokens=pc.sum(rows["num_tokens"]).as_py() or 0,
        )
    return found


class Ledger:
    """The actor's class: counts reports and exports them.

    Args:
        loads: What the request table asks for, by mode.
        num_done: Requests that earlier runs have answered.
    """

    def __init__(self, loads: dict[str, ModeLoad], num_done: int) -> None:
        self._began = time.monotonic()
        self._progress = Progress(actor_started=time.time_ns(), num_done=num_done, loads=loads)
        self._counts = {mode: Counts() for mode in loads}
        # One byte per request: 10 MB for the ten million of a large run.
        self._seen = np.zeros(self._progress.total, dtype=bool)
        self._rate = Rate()
        self._startup_s: float | None = None
        self._metrics = Metrics()
        self._show()

    def add(self, reports: dict[str, Report]) -> None:
        """Count one block."""
        now = time.monotonic()
        if self._startup_s is None:
            self._startup_s = now - self._began
        for mode, report in reports.items():
            new = ~self._seen[report.requests]
            self._seen[report.requests] = True
            counts = Counts(
                num_rows=int(new.sum()),
                num_quarantined=int((new & report.quarantined).sum()),
                prompt_tokens=report.prompt_tokens,
                output_tokens=report.output_tokens,
            )
            self._counts[mode].add(counts)
            self._metrics.count(mode, counts)
        self._rate.add(now, sum(report.output_tokens for report in reports.values()))
        self._show()

    def restore(self, last: Progress) -> None:
        """Add what was counted before Ray restarted the actor."""
        self._startup_s = last.startup_s
        for mode, counts in last.counts.items():
            self._counts[mode].add(counts)
        self._show()

    def progress(self) -> Progress:
        """One look."""
        return self._show()

    def _show(self) -> Progress:
        now = time.monotonic()
        progress = replace(
            self._progress,
            counts=self._counts,
            startup_s=self._startup_s,
            tokens_per_s=self._rate.recent(now),
            mean_tokens_per_s=self._rate.mean(now),
        )
        self._metrics.show(progress)
        return progress


class Metrics:
    """What Ray's metrics endpoint exports of a run (each name gains Ray's ``ray_``)."""

    def __init__(self) -> None:
        from ray.util.metrics import Counter, Gauge

        self._rows = Counter(ROWS, "Requests with a row, by mode.", ("mode",))
        self._prompt = Counter(PROMPT_TOKENS, "Prompt tokens of finished rows.", ("mode",))
        self._output = Counter(OUTPUT_TOKENS, "Output tokens of finished rows.", ("mode",))
        self._quarantined = Counter(QUARANTINED, "Rows with an error instead of a text.", ("mode",))
        self._left = Gauge(ROWS_LEFT, "Requests without a row.")
        self._speed = Gauge(TOKENS_PER_SECOND, "Output tokens per second over about the last minute.")

    def count(self, mode: str, counts: Counts) -> None:
        """Add what has just been counted."""
        numbers = {
            self._rows: counts.num_rows,
            self._prompt: counts.prompt_tokens,
            self._output: counts.output_tokens,
            self._quarantined: counts.num_quarantined,
        }
        for counter, number in numbers.items():
            if number:  # a counter takes no zeros
                counter.inc(number, {"mode": mode})

    def show(self, progress: Progress) -> None:
        """Set the gauges."""
        self._left.set(progress.num_left)
        self._speed.set(progress.tokens_per_s)
