"""Counting while generation runs: the driver reads what is written, prints a line, and Ray exports metrics.

Counts are taken from the rows in the stage's folder, so none is lost with a worker. Ray Data's own counters
know rows, but neither modes nor tokens nor what earlier runs have done.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from z1ray.rows import EVERY_S, Rate, tell, watch_files
from z1ray.trajectories.progress.counts import Counts, ModeLoad, Progress, line

ROWS = "z1ray_generate_rows_total"
PROMPT_TOKENS = "z1ray_generate_prompt_tokens_total"
OUTPUT_TOKENS = "z1ray_generate_output_tokens_total"
QUARANTINED = "z1ray_generate_quarantined_total"
ROWS_LEFT = "z1ray_generate_rows_left"
TOKENS_PER_SECOND = "z1ray_generate_tokens_per_second"

_COLUMNS = ["request", "mode", "error", "num_prompt_tokens", "num_tokens"]


@contextmanager
def watch_run(data: Path, loads: Mapping[str, ModeLoad], num_done: int, every_s: float = EVERY_S) -> Iterator[None]:
    """Print a line, and set the Ray job's status message, whenever rows have come; and once at the end.

    Args:
        data: Folder that receives the rows.
        loads: All modes of the request table, whichever teacher answers them.
        num_done: Requests that earlier runs have answered.
        every_s: Seconds between looks.
    """
    tally = Tally(loads, num_done)

    def see(files: list[Path]) -> None:
        tally.add(pa.concat_tables(pq.read_table(file, columns=_COLUMNS) for file in files))
        tell("generate", line(tally.show()))

    try:
        with watch_files(data, see, every_s):
            yield
    finally:
        tell("generate", line(tally.show(), ended=True))


class Tally:
    """Counts rows of TRAJECTORY and exports them; ``loads`` and ``num_done`` as for ``watch_run``."""

    def __init__(self, loads: Mapping[str, ModeLoad], num_done: int) -> None:
        self._began = time.monotonic()
        self._loads, self._num_done = loads, num_done
        self._counts = {mode: Counts() for mode in loads}
        # One byte per request: 10 MB for the ten million of a large run.
        self._seen = np.zeros(sum(load.num_requests for load in loads.values()), dtype=bool)
        self._rate = Rate()
        self._startup_s: float | None = None
        self._metrics = Metrics()
        self.show()

    def add(self, rows: pa.Table) -> None:
        """Count rows, each request once: a worker of a run that was killed may still have written some."""
        now = time.monotonic()
        if self._startup_s is None:
            self._startup_s = now - self._began
        requests = rows["request"].to_numpy()
        rows = rows.filter(pa.array(~self._seen[requests]))
        self._seen[requests] = True
        found = count(rows)
        for mode, counts in found.items():
            self._counts[mode].add(counts)
            self._metrics.count(mode, counts)
        # At once for all that this look found: the rate is between looks.
        self._rate.add(now, sum(counts.output_tokens for counts in found.values()))

    def show(self) -> Progress:
        """A snapshot of the run; the gauges are set to it."""
        now = time.monotonic()
        progress = Progress(
            num_done=self._num_done,
            loads=self._loads,
            counts=self._counts,
            startup_s=self._startup_s,
            tokens_per_s=self._rate.recent(now),
            mean_tokens_per_s=self._rate.mean(now),
        )
        self._metrics.show(progress)
        return progress


def count(rows: pa.Table) -> dict[str, Counts]:
    """Counts of rows of TRAJECTORY, by mode."""
    sums = rows.group_by("mode").aggregate(
        [("request", "count"), ("error", "count"), ("num_prompt_tokens", "sum"), ("num_tokens", "sum")]
    )
    return {
        row["mode"]: Counts(
            num_rows=row["request_count"],
            num_quarantined=row["error_count"],  # those that are not null
            prompt_tokens=row["num_prompt_tokens_sum"] or 0,
            output_tokens=row["num_tokens_sum"] or 0,
        )
        for row in sums.to_pylist()
    }


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
