"""Thinking tokens that the requests of one replica may still write: its load.

With a cap the worst case is known when a request arrives: each of its runs owes
its whole budget, less with every token it writes, and nothing once it thinks no
more. Without a cap a run owes what its limit, or the context, leaves it.

Pure bookkeeping. An answer that is not streamed says nothing before its end, so
until then it owes everything.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from z1ray.window import NO_CAP, Window


class Debt:
    """Thinking tokens that the runs of one request may still write."""

    def __init__(self, num_runs: int, tokens_per_run: int) -> None:
        self._owed = dict.fromkeys(range(num_runs), tokens_per_run)

    @property
    def tokens(self) -> int:
        """Thinking tokens still owed by all runs together."""
        return sum(self._owed.values())

    def paid(self, run: int, num_tokens: int) -> None:
        """Run number ``run`` (a choice's index) has written that many more tokens."""
        self._owed[run] = max(0, self._owed[run] - num_tokens)

    def cancelled(self, run: int) -> None:
        """The run has ended: it owes nothing any more."""
        self._owed[run] = 0


class PendingTokens:
    """Thinking tokens that all requests of a replica may still write.

    Args:
        context: The model's context in tokens, the limit of a run that has no other.
    """

    def __init__(self, context: int) -> None:
        self._context = context
        self._debts: set[Debt] = set()

    @property
    def tokens(self) -> int:
        """Thinking tokens still owed."""
        return sum(debt.tokens for debt in self._debts)

    @property
    def num_requests(self) -> int:
        """Requests being worked on."""
        return len(self._debts)

    @contextmanager
    def request(self, window: Window, num_runs: int) -> Iterator[Debt]:
        """Take on a request of ``num_runs`` runs; however the block is left, its debt goes with it."""
        debt = Debt(num_runs, thinking_limit(window, self._context))
        self._debts.add(debt)
        try:
            yield debt
        finally:
            self._debts.remove(debt)


def thinking_limit(window: Window, context: int) -> int:
    """The most tokens that one run under ``window`` can think."""
    if window.budget != NO_CAP:
        return window.budget + window.grace_tokens
    return context if window.max_tokens is None else min(window.max_tokens, context)
