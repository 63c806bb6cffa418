"""What a run of generation has done so far, how fast, and how long the rest may take."""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

# Rows land in blocks: over less than this the rate jumps.
WINDOW_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeLoad:
    """What the request table asks for in one mode.

    Attributes:
        num_requests: Requests of that mode, answered before or not.
        max_tokens: The most that one answer may have.
    """

    num_requests: int
    max_tokens: int


@dataclass(slots=True, kw_only=True)
class Counts:
    """What has been done in one mode.

    Attributes:
        num_rows: Requests with a row, each once; quarantined ones included.
        num_quarantined: Rows among them that have an error instead of a text.
        prompt_tokens, output_tokens: Read and written by the engines. Work that was lost
            with a worker and done again counts twice here, as it was paid for twice.
    """

    num_rows: int = 0
    num_quarantined: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0

    def add(self, other: "Counts") -> None:
        """Count what ``other`` counted, too."""
        self.num_rows += other.num_rows
        self.num_quarantined += other.num_quarantined
        self.prompt_tokens += other.prompt_tokens
        self.output_tokens += other.output_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One look at a run.

    Attributes:
        actor_started: When the counting actor started, in ns; another number means that Ray has restarted it.
        num_done: Requests that earlier runs had answered when this one began.
        loads, counts: By mode; counts are of this run.
        startup_s: Seconds until the first rows came; None before.
        tokens_per_s: Output tokens over about the last minute.
        mean_tokens_per_s: The same since the first rows came, start-up left out.
    """

    actor_started: int
    num_done: int
    loads: Mapping[str, ModeLoad]
    counts: Mapping[str, Counts] = field(default_factory=dict)
    startup_s: float | None = None
    tokens_per_s: float = 0.0
    mean_tokens_per_s: float = 0.0

    @property
    def total(self) -> int:
        """Requests in the table."""
        return sum(load.num_requests for load in self.loads.values())

    @property
    def sums(self) -> Counts:
        """The counts of all modes together."""
        sums = Counts()
        for counts in self.counts.values():
            sums.add(counts)
        return sums

    @property
    def num_left(self) -> int:
        """Requests without a row."""
        return self.total - self.num_done - self.sums.num_rows


class Rate:
    """Tokens per second; every call takes the time, in seconds, of a clock that never runs back."""

    def __init__(self) -> None:
        self._tokens = 0
        self._first: tuple[float, int] | None = None
        self._seen: deque[tuple[float, int]] = deque()

    def add(self, now: float, num_tokens: int) -> None:
        """Rows with that many tokens have come."""
        self._tokens += num_tokens
        self._first = self._first or (now, self._tokens)
        self._seen.append((now, self._tokens))
        # The last arrival but one stays however old it is: an engine may work for many minutes on one block.
        while len(self._seen) > 2 and self._seen[1][0] <= now - WINDOW_S:
            self._seen.popleft()

    def recent(self, now: float) -> float:
        """Over about the last minute, or since the last arrival but one if that is longer ago."""
        old = [seen for seen in list(self._seen)[:-1] if seen[0] <= now - WINDOW_S]
        return self._since(old[-1] if old else self._seen[0], now) if self._seen else 0.0

    def mean(self, now: float) -> float:
        """Since the first arrival, whose own tokens belong to the start-up."""
        return self._since(self._first, now) if self._first else 0.0

    def _since(self, start: tuple[float, int], now: float) -> float:
        return (self._tokens - start[1]) / (now - start[0]) if now > start[0] else 0.0


def seconds_left(progress: Progress) -> float | None:
    """The output tokens still expected, at the rate of the last minute; None while nothing is known.

    Not by rows: the longest come first, so the rows left are cheaper than those done. A mode's
    rows left count with the mean length of its rows so far, which errs to the long side; a mode
    that has none yet counts with the share of ``max_tokens`` that the others came to.
    """
    if not progress.tokens_per_s or not progress.num_left:
        return None
    seen = {mode: counts for mode, counts in progress.counts.items() if counts.num_rows}
    written = sum(counts.output_tokens for counts in seen.values())
    share = written / sum(counts.num_rows * progress.loads[mode].max_tokens for mode, counts in seen.items())
    tokens = 0.0
    for mode, num_rows in _rows_left(progress).items():
        mean = (
            seen[mode].output_tokens / seen[mode].num_rows if mode in seen else share * progress.loads[mode].max_tokens
        )
        tokens += num_rows * mean
    return tokens / progress.tokens_per_s


def _rows_left(progress: Progress) -> dict[str, int]:
    """By mode; what earlier runs did is known as one number, and they too began with the longest."""
    before, left = progress.num_done, {}
    for mode, load in sorted(progress.loads.items(), key=lambda item: -item[1].max_tokens):
        rows = load.num_requests - (progress.counts[mode].num_rows if mode in progress.counts else 0)
        left[mode] = max(0, rows - before)
        before -= rows - left[mode]
    return left


def line(progress: Progress, *, ended: bool = False) -> str:
    """The progress on one line; once ``ended``, with the speed of the whole run."""
    sums, total = progress.sums, progress.total
    num_rows = total - progress.num_left
    parts = [f"{num_rows:,}/{total:,} rows ({100 * num_rows / total:.{0 if num_rows == total else 1}f} %)"]
    if ended and progress.startup_s is not None:
        parts.append(
            f"{progress.mean_tokens_per_s:,.0f} tokens/s since the first rows, after {duration(progress.startup_s)}"
        )
    elif progress.tokens_per_s:
        parts.append(f"{progress.tokens_per_s:,.0f} tokens/s")
    parts.append(f"{short(sums.prompt_tokens)} prompt + {short(sums.output_tokens)} output tokens")
    if sums.num_quarantined:
        parts.append(f"{sums.num_quarantined:,} quarantined")
    left = None if ended else seconds_left(progress)
    if left is not None:
        parts.append(f"about {duration(left)} left")
    return ", ".join(parts)


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
