"""The endpoint's metrics, exported by Ray (which prefixes each name with ``ray_``).

Use, in a replica::

    meter = Meter(model, context)                     # once, when the replica starts
    meter.refused()                                   # a request that never reached the engine (400)
    with meter.request(window, num_runs, key) as request:  # n, times the prompts of a batch; the key's name
        request.goes_on(window, bound)            # it goes to the engine; what lowered its budget on the way, or None
        request.wrote(index, num_tokens)              # each streamed chunk of a choice; the first one is timed
        request.finished(index, accounting)           # each choice, once, when it has ended
        request.error(code)                           # the engine answered with an error, or the cap was broken
    await meter.stats()                               # what ``record_autoscaling_stats`` returns

and in the ingress, for a request turned away with 429::

    RequestCounter().count(model, REJECTED)           # the object made once

How a request ended follows from what was called: ``ok`` once all its choices have
finished, else ``refused`` (4xx) or ``failed`` by the error's code, else
``disconnected`` if the block was left by a cancellation or a closed generator,
else ``failed``.

A histogram's ``_sum`` is Ray's estimate from the middles of the buckets: take
quantiles from it, and sums and means from the counters.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ray.serve.metrics import Counter, Gauge, Histogram

from z1ray.serving.keys import NOBODY
from z1ray.serving.replica.autoscaling import ONGOING_STAT, PENDING_STAT
from z1ray.serving.replica.pending import Debt, PendingTokens
from z1ray.serving.window.accounting import Observer
from z1ray.window import NO_CAP, Accounting, Window

REQUESTS = "z1ray_serve_requests_total"
TOKENS = "z1ray_serve_generated_tokens_total"
SEQUENCES = "z1ray_serve_sequences_total"
CUT_SEQUENCES = "z1ray_serve_cut_sequences_total"
BUDGET = "z1ray_serve_thinking_budget_tokens"
BOUNDED = "z1ray_serve_bounded_requests_total"
SPEED = "z1ray_serve_seconds_per_token"
FIRST_TOKEN = "z1ray_serve_time_to_first_token_seconds"
ONGOING = "z1ray_serve_ongoing_requests"
PENDING = "z1ray_serve_pending_tokens"

OK, REFUSED, FAILED, DISCONNECTED, REJECTED = "ok", "refused", "failed", "disconnected", "rejected"

_KINDS = ("thinking", "hint", "answer")
_BUDGETS: list[float] = [1, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768]
_SECONDS: list[float] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]

# Ray annotates tag keys as a tuple of one.
_BY_MODEL: Any = ("model",)
_BY_OUTCOME: Any = ("model", "outcome")
_BY_BOUND: Any = ("model", "by")
_BY_SEQUENCES: Any = ("model", "sequences")
_BY_KIND: Any = ("model", "kind", "key")


_log = logging.getLogger("ray.serve.z1ray")


class RequestCounter:
    """Requests by model and outcome. ``model`` must be one that is served: clients could name any number."""

    def __init__(self) -> None:
        self._counter = Counter(REQUESTS, "Requests by how they ended.", _BY_OUTCOME)

    def count(self, model: str, outcome: str) -> None:
        """One request has ended."""
        self._counter.inc(tags={"model": model, "outcome": outcome})


class Meter:
    """The metrics and the pending tokens of one replica.

    Args:
        model: What clients call the model.
        context: Its context in tokens.
    """

    def __init__(self, model: str, context: int) -> None:
        self._tags = {"model": model}
        self._pending = PendingTokens(context)
        self._requests = RequestCounter()
        self._tokens = Counter(TOKENS, "Tokens written, as thinking, hint or answer, by the name of the key.", _BY_KIND)
        self._sequences = Counter(SEQUENCES, "Sequences that ended; a request has one per choice.", _BY_MODEL)
        self._cut = Counter(CUT_SEQUENCES, "Those among them that were cut at their budget.", _BY_MODEL)
        self._budget = Histogram(BUDGET, "Budgets of the requests that have a cap.", _BUDGETS, _BY_MODEL)
        self._bounded = Counter(BOUNDED, "Requests whose budget was lowered, by what lowered it.", _BY_BOUND)
        self._speed = Gauge(SPEED, "Seconds per token of a sequence beside that many in all.", _BY_SEQUENCES)
        self._first_token = Histogram(
            FIRST_TOKEN, "From a streamed request's arrival at the replica to its first token.", _SECONDS, _BY_MODEL
        )
        self._ongoing_gauge = Gauge(ONGOING, "Requests that the replica works on.", _BY_MODEL)
        self._pending_gauge = Gauge(PENDING, "Tokens that they may still write.", _BY_MODEL)
        self._show_load()

    def refused(self, outcome: str = REFUSED) -> None:
        """Count a request that was refused before it reached the engine."""
        self._requests.count(self._tags["model"], outcome)

    @contextmanager
    def request(self, window: Window, num_runs: int, key: str = NOBODY) -> Iterator["RequestMeter"]:
        """Follow a request of ``num_runs`` runs while it is worked on, and count it in the end, for its key's name."""
        try:
            with self._pending.request(window, num_runs) as debt:
                self._show_load()
                request = RequestMeter(self, debt, num_runs, key)
                try:
                    yield request
                except (asyncio.CancelledError, GeneratorExit):
                    request.left()
                    raise
                finally:
                    self._requests.count(self._tags["model"], request.outcome)
                    _log.info("key=%s model=%s %s: %s", key, self._tags["model"], request.outcome, request.tokens)
        finally:
            self._show_load()

    async def stats(self) -> dict[str, float]:
        """The load as the autoscaler reads it; also refreshes the gauges, so that they follow long runs."""
        self._show_load()
        return {PENDING_STAT: float(self._pending.tokens), ONGOING_STAT: float(self._pending.num_runs)}

    def goes_on(self, window: Window, lowered_by: str | None) -> None:
        """A request goes to the engine, with a budget that was lowered on the way or not."""
        if window.budget != NO_CAP:
            self._budget.observe(window.budget, self._tags)
        if lowered_by is not None:
            self._bounded.inc(tags={**self._tags, "by": lowered_by})

    def show_speed(self, seconds_per_token: Mapping[int, float]) -> None:
        """Show what was measured, by number of sequences."""
        for sequences, seconds in seconds_per_token.items():
            self._speed.set(seconds, {**self._tags, "sequences": str(sequences)})

    def observe_first_token(self, seconds: float) -> None:
        """A streamed request has got its first token after that time."""
        self._first_token.observe(seconds, self._tags)

    def count_run(self, accounting: Accounting, key: str) -> None:
        """A run has ended."""
        self._sequences.inc(tags=self._tags)
        if accounting.cut:
            self._cut.inc(tags=self._tags)
        for kind, num_tokens in _tokens_by_kind(accounting).items():
            if num_tokens:  # a counter takes no zeros
                self._tokens.inc(num_tokens, {**self._tags, "kind": kind, "key": key})

    def _show_load(self) -> None:
        self._ongoing_gauge.set(self._pending.num_requests, self._tags)
        self._pending_gauge.set(self._pending.tokens, self._tags)


class RequestMeter:
    """Measures one request in a replica; made by ``Meter.request``.

    Attributes:
        tokens: What its runs that have ended wrote, by kind.
    """

    def __init__(self, meter: Meter, debt: Debt, num_runs: int, key: str) -> None:
        self.tokens = dict.fromkeys(_KINDS, 0)
        self._meter = meter
        self._key = key
        self._debt = debt
        self._num_unfinished = num_runs
        self._began: float | None = time.monotonic()
        self._error: int | None = None
        self._left = self._rejected = False
        self._observers: list[Observer] = []
        self._tell_ended: Callable[[], None] = lambda: None

    def wrote(self, index: int, num_tokens: int) -> None:
        """Choice ``index`` of a stream has that many new tokens."""
        if not num_tokens:
            return
        if self._began is not None:
            self._meter.observe_first_token(time.monotonic() - self._began)
            self._began = None
        self._debt.paid(index, num_tokens)
        for observer in self._observers:
            observer.wrote(index, num_tokens)

    def finished(self, index: int, accounting: Accounting) -> None:
        """Choice ``index`` has ended, and this is what it wrote."""
        self._num_unfinished -= 1
        self._debt.cancelled(index)
        self._tell_ended()
        for observer in self._observers:
            observer.finished(index, accounting)
        self._meter.count_run(accounting, self._key)
        for kind, num_tokens in _tokens_by_kind(accounting).items():
            self.tokens[kind] += num_tokens

    def goes_on(self, window: Window, lowered_by: str | None) -> None:
        """The request goes to the engine under that window; its budget was lowered on the way, or not (None)."""
        self._meter.goes_on(window, lowered_by)

    def followed_by(self, observer: Observer) -> None:
        """Have what is told of the request's tokens told to another, too."""
        self._observers.append(observer)

    def each_ended(self, tell: Callable[[], None]) -> None:
        """Have ``tell`` called for every choice that ends."""
        self._tell_ended = tell

    def rejected(self) -> None:
        """The request found no place in the replica's queue."""
        self._rejected = True

    def error(self, code: int) -> None:
        """The request was answered with an error of that HTTP status."""
        self._error = code

    def left(self) -> None:
        """The client has gone."""
        self._left = True

    @property
    def outcome(self) -> str:
        """How the request ended."""
        if self._rejected:
            return REJECTED
        if self._error is not None:
            return REFUSED if self._error < 500 else FAILED
        if not self._num_unfinished:
            return OK
        return DISCONNECTED if self._left else FAILED


def _tokens_by_kind(accounting: Accounting) -> dict[str, int]:
    counts = (accounting.thinking_tokens, accounting.hint_tokens, accounting.answer_tokens)
    return dict(zip(_KINDS, counts, strict=True))
