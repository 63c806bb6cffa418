"""What stands in the book: claims, what they are answered with, open reservations, and accounts.

All counts are tokens; all times are seconds since 1970.
"""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

PERIODS = (("minute", 60), ("day", 86_400))
"""The periods of a quota, and their seconds; each begins where the clock (UTC) has a multiple of them."""

Limits = tuple[int | None, int | None]
NO_LIMITS: Limits = (None, None)


class Conversation(NamedTuple):
    """A conversation as a request names it: an id, and the tokens of thinking of all its calls together."""

    id: str
    budget: int


class Claim(NamedTuple):
    """What a request asks of the book before any work.

    Attributes:
        id: Made by whoever asks, so that the same claim can be sent twice.
        key: Name of the key's holder.
        tokens: The most that all sequences of the request can write.
        limits: Of the key's quota.
        thinking: The part of ``tokens`` that may become thinking.
        rest: Tokens of hints and answers beside it, where less thinking makes less of all; None where it does not,
            since the client set the limit itself.
        yields: Whether thinking gives way to the quota, as a default budget does.
        conversation: The one that the thinking belongs to.
    """

    id: str
    key: str
    tokens: int
    limits: Limits = NO_LIMITS
    thinking: int = 0
    rest: int | None = None
    yields: bool = False
    conversation: Conversation | None = None

    def tokens_with(self, thinking: int) -> int:
        """The most that can be written with so much thinking."""
        return self.tokens if self.rest is None else min(self.tokens, thinking + self.rest)


class Standing(NamedTuple):
    """How a key stands with the quota of which least is left."""

    period: str
    limit: int
    left: int
    reset_s: float


class Granted(NamedTuple):
    """A claim that was granted: its tokens are reserved.

    Attributes:
        tokens: What is reserved; less than was claimed if the thinking had to give way.
        thinking: How much of it may be thinking.
        by: What the thinking gave way to, ``quota`` or ``conversation``; None if to nothing.
        standing: Of the key, after it; None without a quota.
    """

    tokens: int
    thinking: int
    by: str | None
    standing: Standing | None


class Refused(NamedTuple):
    """A claim for which there is no room: nothing is reserved.

    Attributes:
        wanted: The least that would have had to be reserved.
        standing: Of the quota that has no room for it; None if it is for want of room for another conversation.
        retry_after_s: When there is room again.
    """

    wanted: int
    standing: Standing | None
    retry_after_s: float


@dataclass(slots=True)
class Entry:
    """A reservation that is open, or one whose owner was lost and may yet tell what was spent.

    Attributes:
        windows: The minute and the day that it is charged to.
        spent, thought: Tokens that its owner reported so far.
        lost: Whether its owner was given up, and the rest of it released.
    """

    id: str
    key: str
    owner: str
    tokens: int
    thinking: int
    by: str | None
    conversation: str | None
    windows: tuple[int, int]
    spent: int = 0
    thought: int = 0
    lost: bool = False


@dataclass(slots=True)
class Account:
    """One key's sums, for all time, and what is charged to the current minute and day.

    At all times ``reserved`` is ``spent + released`` and what is open.
    """

    key: str
    reserved: int = 0
    spent: int = 0
    released: int = 0
    minute: int = 0
    in_minute: int = 0
    day: int = 0
    in_day: int = 0

    def roll(self, minute: int, day: int) -> None:
        """Begin a new minute or day with nothing charged; a clock that went back begins none."""
        if minute > self.minute:
            self.minute, self.in_minute = minute, 0
        if day > self.day:
            self.day, self.in_day = day, 0

    def charge(self, windows: tuple[int, int], tokens: int) -> None:
        """Charge tokens to a minute and a day, as far as they are the current ones; less than 0 gives back."""
        if windows[0] == self.minute:
            self.in_minute += tokens
        if windows[1] == self.day:
            self.in_day += tokens

    def left(self, limits: Limits) -> tuple[float, float]:
        """Tokens left of each quota, infinitely many where there is none."""
        minute, day = limits
        return (
            math.inf if minute is None else max(0, minute - self.in_minute),
            math.inf if day is None else max(0, day - self.in_day),
        )

    def standing(self, period: int, limits: Limits, now: float) -> Standing:
        """How it stands with one of its quotas: that of ``PERIODS[period]``."""
        (name, seconds), limit, window = PERIODS[period], limits[period], (self.minute, self.day)[period]
        assert limit is not None
        return Standing(name, limit, int(self.left(limits)[period]), (window + 1) * seconds - now)


@dataclass(slots=True)
class Talk:
    """The thinking of one conversation: ``used`` is what was thought and what is reserved for it."""

    key: str
    id: str
    used: int = 0
    num_open: int = 0
    last: float = 0.0


@dataclass
class Changes:
    """Records that changed since the last ``Book.changes``, and ids or keys of those that are gone."""

    accounts: list[Account] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    talks: list[Talk] = field(default_factory=list)
    forgotten: list[tuple[str, str]] = field(default_factory=list)
