"""Tokens that the requests of one replica may still write, and the sequences they hold: its load.

The worst case is known when a request arrives: each of its runs owes all that its
limit allows, thinking, hint and answer, less with every token it writes, and
nothing once it has ended.

Pure bookkeeping. An answer that is not streamed says nothing before its end, so
until then it owes everything.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from z1ray.window import Window


class Debt:
    """Tokens that the runs of one request may still write; those that have ended are gone."""

    def __init__(self, num_runs: int, tokens_per_run: int) -> None:
        self._owed = dict.fromkeys(range(num_runs), tokens_per_run)

    @property
    def tokens(self) -> int:
        """Tokens still owed by all runs together."""
        return sum(self._owed.values())

    @property
    def num_runs(self) -> int:
        """Runs that have not ended."""
        return len(self._owed)

    def paid(self, run: int, num_tokens: int) -> None:
        """Run number ``run`` (a choice's index) has written that many more tokens."""
        if run in self._owed:
            self._owed[run] = max(0, self._owed[run] - num_tokens)

    def cancelled(self, run: int) -> None:
        """The run has ended: it owes nothing any more."""
        self._owed.pop(run, None)


class PendingTokens:
    """Tokens that all requests of a replica may still write.

    Args:
        context: The model's context in tokens, the limit of a run that has no other.
    """

    def __init__(self, context: int) -> None:
        self._context = context
        self._debts: set[Debt] = set()

    @property
    def tokens(self) -> int:
        """Tokens still owed."""
        return sum(debt.tokens for debt in self._debts)

    @property
    def num_requests(self) -> int:
        """Requests being worked on."""
        return len(self._debts)

    @property
    def num_runs(self) -> int:
        """Runs that have not ended: each holds a slot, or waits for one."""
        return sum(debt.num_runs for debt in self._debts)

    @contextmanager
    def request(self, window: Window, num_runs: int) -> Iterator[Debt]:
        """Take on a request of ``num_runs`` runs; however the block is left, its debt goes with it."""
        debt = Debt(num_runs, most_tokens(window, self._context))
        self._debts.add(debt)
        try:
            yield debt
        finally:
            self._debts.remove(debt)


def most_tokens(window: Window, context: int) -> int:
    """The most tokens that one run under ``window`` can write."""
    return context if window.max_tokens is None else min(window.max_tokens, context)
