"""What a running curation shows: a line and the job's message every few seconds, and Ray metrics."""

import time
from collections.abc import Mapping

from z1ray.jobstatus import tell_job
from z1ray.progress import say

ROWS = "z1ray_curate_rows_total"
ROWS_LEFT = "z1ray_curate_rows_left"
ROWS_PER_SECOND = "z1ray_curate_rows_per_second"
KEPT = "z1ray_curate_kept_rows"
DROPPED = "z1ray_curate_dropped_rows"

_EVERY_S = 5.0


class Phase:
    """Progress of one phase.

    Args:
        name: The phase, as people read it.
        total: Rows (or whatever it counts) to do.
        done: Those that an earlier run has done.
    """

    def __init__(self, name: str, total: int, done: int = 0) -> None:
        from ray.util.metrics import Counter, Gauge

        self._rows = Counter(ROWS, "Rows done, by phase.", ("phase",))
        self._left = Gauge(ROWS_LEFT, "Rows to do, by phase.", ("phase",))
        self._speed = Gauge(ROWS_PER_SECOND, "Rows per second since the phase began.", ("phase",))
        self._name, self._total, self._done, self._before = name, total, done, done
        self._began = self._told = time.monotonic()
        self._left.set(total - done, {"phase": name})
        if done:
            say(f"curate: {name}: going on at {done:,} of {total:,} rows")

    def add(self, rows: int) -> None:
        """Rows have been done."""
        tags = {"phase": self._name}
        self._done += rows
        if rows:  # a counter takes no zeros
            self._rows.inc(rows, tags)
        self._left.set(self._total - self._done, tags)
        now = time.monotonic()
        self._speed.set(self._rate(now), tags)
        if now - self._told >= _EVERY_S or self._done == self._total:
            self._told = now
            _tell(line(self._name, self._done, self._total, self._rate(now)))

    def _rate(self, now: float) -> float:
        return (self._done - self._before) / max(now - self._began, 1e-3)


def line(name: str, done: int, total: int, rate: float) -> str:
    """The progress on one line."""
    parts = [f"{name}: {done:,}/{total:,} rows ({100 * done / max(total, 1):.0f} %)", f"{rate:,.0f} rows/s"]
    if done < total and rate:
        parts.append(f"about {(total - done) / rate:.0f} s left")
    return ", ".join(parts)


def show_result(kept: int, dropped: Mapping[str, int]) -> None:
    """Tell and export what is kept, and what was dropped for which reason."""
    from ray.util.metrics import Gauge

    Gauge(KEPT, "Rows in the dataset.").set(kept)
    by_reason = Gauge(DROPPED, "Rows that were dropped, by reason.", ("reason",))
    for reason, count in dropped.items():
        by_reason.set(count, {"reason": reason})
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in dropped.items()) or "none"
    _tell(f"kept {kept:,} of {kept + sum(dropped.values()):,} rows, dropped {reasons}")


def _tell(text: str) -> None:
    say(f"curate: {text}")
    tell_job(text)
