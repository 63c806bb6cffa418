"""What a run of generation has done so far, how fast, and how long the rest may take."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from z1ray.rows import duration, share, short


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
        prompt_tokens, output_tokens: Read and written by the engines for these rows.
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
    """A snapshot of a run.

    Attributes:
        num_done: Requests that earlier runs had answered when this one began.
        loads, counts: By mode; counts are of this run.
        startup_s: Seconds until the first rows came; None before.
        tokens_per_s: Output tokens over about the last minute.
        mean_tokens_per_s: The same since the first rows came, start-up left out.
    """

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
    filled = written / sum(counts.num_rows * progress.loads[mode].max_tokens for mode, counts in seen.items())
    tokens = 0.0
    for mode, num_rows in _rows_left(progress).items():
        mean = (
            seen[mode].output_tokens / seen[mode].num_rows if mode in seen else filled * progress.loads[mode].max_tokens
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
    parts = [share(total - progress.num_left, total)]
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
