"""Rows done of a total: how fast, how long still, a line for people, the job's message, Ray's metrics.

A stage adds to a ``Phase`` what it has done, or lets ``watch`` count the rows of a folder that fills::

    phase = Phase("curate", "verify", total=1000)
    phase.add(10)

    with watch("evaluate", "z1, traces", folder, total=200):  # until the block ends
        write_files(folder)
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from z1ray.jobstatus import tell_job
from z1ray.progress import in_background, say

# Rows come in blocks: over less than this the rate jumps.
WINDOW_S = 60.0

EVERY_S = 5.0
"""Seconds between two lines, and between two looks at a folder."""


class Rate:
    """What is done per second; every call takes the time, in seconds, of a clock that never runs back."""

    def __init__(self) -> None:
        self._done = 0
        self._first: tuple[float, int] | None = None
        self._seen: deque[tuple[float, int]] = deque()

    def add(self, now: float, num: int) -> None:
        """So much more is done."""
        self._done += num
        self._first = self._first or (now, self._done)
        self._seen.append((now, self._done))
        # The last arrival but one stays however old it is: an engine may work for many minutes on one block.
        while len(self._seen) > 2 and self._seen[1][0] <= now - WINDOW_S:
            self._seen.popleft()

    def recent(self, now: float) -> float:
        """Over about the last minute, or since the last arrival but one if that is longer ago."""
        old = [seen for seen in list(self._seen)[:-1] if seen[0] <= now - WINDOW_S]
        return self._since(old[-1] if old else self._seen[0], now) if self._seen else 0.0

    def mean(self, now: float) -> float:
        """Since the first arrival, whose own share belongs to the start-up."""
        return self._since(self._first, now) if self._first else 0.0

    def _since(self, start: tuple[float, int], now: float) -> float:
        return (self._done - start[1]) / (now - start[0]) if now > start[0] else 0.0


class Phase:
    """Progress of one phase of a stage; its metrics are ``ray_z1ray_<stage>_rows_total`` and the like.

    Args:
        stage: The stage's name, which begins the lines and the names of the metrics.
        name: The phase, as people read it.
        total: Rows to do.
        done: Those that an earlier run has done.
        every_s: The least time between two lines.
    """

    def __init__(self, stage: str, name: str, total: int, done: int = 0, every_s: float = EVERY_S) -> None:
        from ray.util.metrics import Counter, Gauge

        self._rows = Counter(f"z1ray_{stage}_rows_total", "Rows done, by phase.", ("phase",))
        self._left = Gauge(f"z1ray_{stage}_rows_left", "Rows to do, by phase.", ("phase",))
        self._speed = Gauge(f"z1ray_{stage}_rows_per_second", "Rows per second, by phase.", ("phase",))
        self._stage, self._name, self._total, self._done, self._every_s = stage, name, total, done, every_s
        self._rate, self._told = Rate(), time.monotonic()
        self._left.set(total - done, {"phase": name})
        if done:
            say(f"{stage}: {name}: going on at {done:,} of {total:,} rows")

    def add(self, num_rows: int) -> None:
        """Rows have been done."""
        now, tags = time.monotonic(), {"phase": self._name}
        self._done += num_rows
        self._rate.add(now, num_rows)
        if num_rows:  # a counter takes no zeros
            self._rows.inc(num_rows, tags)
        self._left.set(self._total - self._done, tags)
        self._speed.set(self._rate.recent(now), tags)
        if now - self._told >= self._every_s or self._done == self._total:
            self._told = now
            tell(self._stage, line(self._name, self._done, self._total, self._rate.recent(now)))


@contextmanager
def watch(stage: str, name: str, folder: Path, total: int, every_s: float = EVERY_S) -> Iterator[None]:
    """Show the phase's progress while the block runs: the rows in ``folder``, those that are there before included."""
    before = _finished(folder, set())
    phase = Phase(stage, name, total, sum(_num_rows(path) for path in before), every_s=0)
    with watch_files(folder, lambda new: phase.add(sum(map(_num_rows, new))), every_s):
        yield


@contextmanager
def watch_files(folder: Path, see: Callable[[list[Path]], None], every_s: float = EVERY_S) -> Iterator[None]:
    """Hand each Parquet file that is finished in ``folder`` while the block runs to ``see``, once.

    Args:
        folder: What is there when the block begins is passed over.
        see: Called in a thread with the new files of each look; the last look is after the block's end.
        every_s: Seconds between looks.
    """
    # Looked at before the block begins: the thread may start late.
    with in_background(partial(_look, folder, see, every_s, set(_finished(folder, set())))):
        yield


def _look(
    folder: Path, see: Callable[[list[Path]], None], every_s: float, seen: set[Path], stop: threading.Event
) -> None:
    stopped = False
    while not stopped:
        stopped = stop.wait(every_s)
        if new := _finished(folder, seen):
            seen.update(new)
            see(new)


def _finished(folder: Path, seen: set[Path]) -> list[Path]:
    """Files that can be read; one that is being written has no footer yet and counts later."""
    found = []
    for path in sorted(set(folder.glob("*.parquet")) - seen):
        try:
            pq.read_metadata(path)
        except (pa.ArrowInvalid, FileNotFoundError):  # or Ray has just removed what a kill left half-way
            continue
        found.append(path)
    return found


def _num_rows(path: Path) -> int:
    return int(pq.read_metadata(path).num_rows)


def tell(stage: str, text: str) -> None:
    """Print a line of the stage, and make it the Ray job's message."""
    say(f"{stage}: {text}")
    tell_job(text)


def line(name: str, done: int, total: int, rate: float) -> str:
    """A phase's progress on one line; ``rate`` in rows per second, 0 if it is not known."""
    parts = [f"{name}: {share(done, total)}"]
    if rate:
        parts.append(f"{rate:,.0f} rows/s" if rate >= 10 else f"{rate:.2g} rows/s")
        if done < total:
            parts.append(f"about {duration((total - done) / rate)} left")
    return ", ".join(parts)


def share(done: int, total: int) -> str:
    """Rows of a total: 500/2,000 rows (25.0 %)."""
    return f"{done:,}/{total:,} rows ({100 * done / max(total, 1):.{0 if done == total else 1}f} %)"


def short(number: int) -> str:
    """A count in three or four digits: 999, 12.3 k, 8.8 M, 1.2 G."""
    if number < 1000:
        return str(number)
    # Rounded first, so that 999,999 is 1.0 M and not 1000.0 k.
    power = min(3, math.floor(math.log10(float(f"{number:.3g}")) / 3))
    return f"{number / 1000**power:.1f} {' kMG'[power]}"


def duration(seconds: float) -> str:
    """Two units at most: 42 s, 7 min, 3 h 12 min, 2 d 5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
