"""How fast a replica's engine works, measured on what it answers, by how many sequences it has.

Exponential averages, kept apart for 1, 2, 4, 8, ... sequences: an engine with more of
them takes longer for each. Streams tell the time of every chunk and of the first token;
an answer that comes whole, only how long all of it took. When a replica starts, it is the
runs that prove its cap that are measured: as many as one request may have.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import Protocol

from z1ray.serving.window.deadline import Pace
from z1ray.window import Accounting

_MEMORY_S = 5.0
"""Seconds in which an average forgets all but a third."""
_STALE_S = 10.0
"""Seconds after which an engine may have another speed than it had."""
_SEVERAL = 8
"""Observations of which an average means something: of a few, chunks that came together would make a record."""
_ALIKE = 0.1
"""Prompts whose lengths differ by a smaller share than that do not show what a longer one costs."""


class Running(Protocol):
    """The sequences of an engine; ``Slots`` is one."""

    @property
    def num_running(self) -> int:
        """Those that it has."""

    @property
    def num_slots(self) -> int:
        """Those that it can have."""


class _Measured:
    """Seconds that so many tokens took, in sums that forget.

    Attributes:
        at: When it was measured last.
        least: The fewest seconds per token that an average of several has come to; of few, what they came to.
    """

    def __init__(self) -> None:
        self.at, self.least = -math.inf, math.inf
        self._sums, self._sure = [0.0] * 6, False

    def add(self, now: float, running: float, tokens: float, seconds: float) -> None:
        """One more observation, beside so many sequences in all."""
        old = math.exp((self.at - now) / _MEMORY_S)
        new = (1.0, tokens, seconds, tokens * tokens, tokens * seconds, running)
        self._sums = [old * total + each for total, each in zip(self._sums, new, strict=True)]
        self.at, several = now, self._sums[0] >= _SEVERAL
        if not self._sure:
            self.least, self._sure = self.token_s, several
        elif several:
            self.least = min(self.least, self.token_s)

    @property
    def token_s(self) -> float:
        """Seconds per token."""
        return self._sums[2] / self._sums[1]

    @property
    def running(self) -> float:
        """Mean number of sequences."""
        return self._sums[5] / self._sums[0]

    def line(self) -> tuple[float, float]:
        """Seconds of no token, and of each more: least squares, both at least 0."""
        total, tokens, seconds, squares, products, _ = self._sums
        mean, mean_s = tokens / total, seconds / total
        variance = squares / total - mean * mean
        if variance < (_ALIKE * mean) ** 2:
            return 0.0, self.token_s
        slope = min(self.token_s, max(0.0, (products / total - mean * mean_s) / variance))
        return mean_s - slope * mean, slope


class Speed:
    """The speed of one replica.

    Args:
        slots: How many sequences its engine has, and can have.
        clock: Seconds of a clock that never goes back.
    """

    def __init__(self, slots: Running, clock: Callable[[], float] = time.monotonic) -> None:
        self._slots, self._clock = slots, clock
        self._tokens: dict[int, _Measured] = {}
        self._starts: dict[int, _Measured] = {}

    def seconds_per_token(self) -> dict[int, float]:
        """By number of sequences, a power of two: that many, or fewer but more than half."""
        return {bucket: measured.token_s for bucket, measured in sorted(self._tokens.items())}

    def pace(self, num_more: int) -> Pace | None:
        """What a request of that many sequences can expect now; None until anything was measured.

        Others may join it, so it is the speed with twice as many sequences as there are, if there may be that many.
        """
        if not self._tokens:
            return None
        size = self._size(num_more)
        token_s = _between([(each.running, each.token_s) for each in self._tokens.values()], size)
        return Pace(token_s, *max((each.line() for each in self._near(self._starts, size)), default=(0.0, 0.0)))

    def best(self, num_more: int) -> Pace | None:
        """The best that can be hoped for, where what ``pace`` tells is too old to be relied on; else None.

        A replica that was slow for a moment would otherwise refuse what it could do, and learn nothing by it. It is
        the speed that was measured lately with any number of sequences, else the best ever.
        """
        now = self._clock()
        if all(now - each.at < _STALE_S for each in self._near(self._tokens, self._size(num_more))):
            return None
        lately = [(each.running, each.token_s) for each in self._tokens.values() if now - each.at < _STALE_S]
        ever = [(each.running, each.least) for each in self._tokens.values()]
        return Pace(_between(lately or ever, max(1, self._slots.num_running + num_more)))

    def forget(self) -> None:
        """Begin anew."""
        self._tokens.clear()
        self._starts.clear()

    def add_start(self, seconds: float, prompt_tokens: int) -> None:
        """The first token of a stream came after that time."""
        running = max(1, self._slots.num_running)
        self._starts.setdefault(_bucket(running), _Measured()).add(self._clock(), running, prompt_tokens, seconds)

    def add_tokens(self, seconds: float, num_tokens: int, running: float | None = None) -> None:
        """A sequence took that time for so many tokens, beside others; beside the present ones if not told."""
        running = max(1, self._slots.num_running if running is None else running)
        self._tokens.setdefault(_bucket(running), _Measured()).add(self._clock(), running, num_tokens, seconds)

    @contextmanager
    def timed(self, prompt_tokens: int | None) -> Iterator["Timing"]:
        """Measure a request that is with the engine while the block runs.

        Args:
            prompt_tokens: Of its prompts together; None if not known.
        """
        began, before, pace = self._clock(), self._slots.num_running, self.pace(0)
        timing = Timing(self, self._clock, prompt_tokens)
        yield timing
        if timing.num_whole:
            seconds = self._clock() - began
            start = min(seconds / 2, pace.start_s(prompt_tokens or 0)) if pace else 0.0
            self.add_tokens(
                seconds - start, timing.whole_tokens, (before + self._slots.num_running + timing.num_whole) / 2
            )

    def _near(self, found: Mapping[int, _Measured], size: int) -> list[_Measured]:
        """What was measured with about as many sequences, and with about half as many."""
        wanted = (size, size / 2) if found else ()
        buckets = {min(found, key=lambda bucket: abs(math.log2(bucket / each))) for each in wanted}
        return [found[bucket] for bucket in buckets]

    def _size(self, num_more: int) -> int:
        size = max(1, self._slots.num_running + num_more)
        return max(size, min(2 * size, self._slots.num_slots))


class Timing:
    """Observes one request's tokens; made by ``Speed.timed``.

    Attributes:
        num_whole: Choices of an answer that came whole, which do not run any more.
        whole_tokens: Of the longest of them.
    """

    def __init__(self, speed: Speed, clock: Callable[[], float], prompt_tokens: int | None) -> None:
        self.num_whole = self.whole_tokens = 0
        self._speed, self._clock, self._prompt_tokens = speed, clock, prompt_tokens
        self._began = clock()
        self._last: dict[int, float] = {}

    def wrote(self, index: int, num_tokens: int) -> None:
        """A choice of a stream has this many more tokens."""
        if not num_tokens:
            return
        now = self._clock()
        if index in self._last:
            self._speed.add_tokens(now - self._last[index], num_tokens)
        elif not self._last and self._prompt_tokens:
            self._speed.add_start(now - self._began, self._prompt_tokens)
        self._last[index] = now

    def finished(self, index: int, accounting: Accounting) -> None:
        """A choice has ended."""
        if index not in self._last:
            counts = (accounting.thinking_tokens, accounting.hint_tokens, accounting.answer_tokens)
            self.num_whole += 1
            self.whole_tokens = max(self.whole_tokens, sum(counts))


def _bucket(num_sequences: float) -> int:
    """The power of two that is as large or the next larger."""
    return 1 << max(0, math.ceil(num_sequences) - 1).bit_length()


def _between(points: list[tuple[float, float]], at: float) -> float:
    """The value at a number of sequences: on lines between the points, beyond on one from first to last."""
    points = sorted(points)
    (first, first_value), (last, last_value) = points[0], points[-1]
    if at <= first or first == last:
        return first_value
    if at >= last:
        return last_value + max(0.0, (last_value - first_value) / (last - first)) * (at - last)
    (below, value), (above, value_above) = next(pair for pair in pairwise(points) if pair[0][0] <= at <= pair[1][0])
    return value + (value_above - value) * (at - below) / (above - below)
