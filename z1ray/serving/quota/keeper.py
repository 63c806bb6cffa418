"""The process that keeps the book: one actor of the cluster for each store.

It answers once a change is on the disk, so that it may die at any time: Ray starts it
again, and it goes on with what is stored. What came meanwhile shares one commit.
"""

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

from z1ray.serving.quota.batches import Answers, Batch
from z1ray.serving.quota.book import Balance
from z1ray.serving.quota.entries import Account, Claim, Granted, Refused
from z1ray.serving.quota.store import Store, rows

QUOTA_TOKENS = "z1ray_serve_quota_tokens_total"
QUOTA_REFUSED = "z1ray_serve_quota_refused_total"

LEASE_S = 15.0
"""How long a replica may be silent before its reservations are closed."""

_NAMESPACE = "z1ray"
_LOOK_EVERY_S = 1.0
# Calls at a time; each is a batch of a replica.
_MAX_CALLS = 10_000

_log = logging.getLogger(__name__)


def keeper(path: str) -> Any:
    """The handle of the actor that keeps the book of a file; it is started if there is none."""
    import ray

    options: dict[str, Any] = {
        **{"name": name_of(path), "namespace": _NAMESPACE, "get_if_exists": True, "lifetime": "detached"},
        # What was under way when it died is asked again: all of it can be.
        **{"max_restarts": -1, "max_task_retries": -1, "num_cpus": 0, "max_concurrency": _MAX_CALLS},
        # A replica that starts it would else have it in its own placement group, and take it along when it goes.
        "scheduling_strategy": "DEFAULT",
    }
    return ray.remote(Keeper).options(**options).remote(path)


def end(path: str) -> None:
    """End the actor of a file, if there is one; the file stays, and another can go on with it."""
    import ray

    try:
        actor = ray.get_actor(name_of(path), _NAMESPACE)
    except ValueError:
        return
    ray.kill(actor)


def name_of(path: str) -> str:
    """The actor's name."""
    return f"quota-book-{sha256(path.encode()).hexdigest()[:16]}"


class Keeper:
    """The actor.

    Args:
        path: The file of the store.
    """

    def __init__(self, path: str) -> None:
        self._store = Store(Path(path))
        self._book = self._store.book(time.time(), LEASE_S)
        self._metrics = _Metrics(self._book.accounts)
        self._writing = asyncio.Lock()
        self._next_commit: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None

    async def apply(self, batch: Batch) -> Answers:
        """Do what an owner asks for; it is on the disk when this returns."""
        if self._watch is None:
            self._watch = asyncio.create_task(self._give_up_silent())
        now = time.time()
        self._book.report(batch.owner, batch.written, now)
        answers: Answers = []
        for each in batch.operations:
            if isinstance(each, Claim):
                answers.append(self._reserve(each, batch.owner, now))
            else:
                self._book.settle(*each, now)
                answers.append(None)
        await self._committed()
        return answers

    async def balance(self, key: str | None = None) -> Balance:
        """The sums of a key, or of all."""
        return self._book.balance(key)

    def _reserve(self, claim: Claim, owner: str, now: float) -> Granted | Refused:
        offer = self._book.reserve(claim, owner, now)
        if isinstance(offer, Refused):
            self._metrics.refused(claim.key)
        return offer

    async def _committed(self) -> None:
        """Return when all that was done is on the disk; who comes during a commit shares the next."""
        if self._next_commit is None:
            self._next_commit = asyncio.create_task(self._commit())
        await asyncio.shield(self._next_commit)

    async def _commit(self) -> None:
        async with self._writing:
            self._next_commit = None
            changes = self._book.changes()
            self._metrics.count(changes.accounts)
            if changed := rows(changes):
                try:
                    await asyncio.to_thread(self._store.save, changed)
                except sqlite3.Error:
                    # Memory is ahead of the disk now: only what is stored may be gone on with.
                    _log.exception("the book of quotas cannot be written; it is opened again")
                    os._exit(1)

    async def _give_up_silent(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            self._book.expire(time.time())
            await self._committed()


class _Metrics:
    """Counters by key.

    Args:
        accounts: As they are; what they hold was counted by an earlier process.
    """

    def __init__(self, accounts: Iterable[Account]) -> None:
        from ray.util.metrics import Counter

        self._tokens = Counter(QUOTA_TOKENS, "Reserved tokens that were spent or released.", ("key", "kind"))
        self._refused = Counter(QUOTA_REFUSED, "Requests that a quota had no room for.", ("key",))
        self._seen = {each.key: (each.spent, each.released) for each in accounts}

    def refused(self, key: str) -> None:
        self._refused.inc(tags={"key": key})

    def count(self, accounts: Iterable[Account]) -> None:
        for each in accounts:
            before = self._seen.get(each.key, (0, 0))
            self._seen[each.key] = (each.spent, each.released)
            for kind, now, then in zip(("spent", "released"), self._seen[each.key], before, strict=True):
                if now > then:
                    self._tokens.inc(now - then, {"key": each.key, "kind": kind})
