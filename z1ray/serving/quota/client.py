"""A replica's way to the book: it reserves, reports while requests run, and settles.

All that one replica has to say goes in batches, one at a time and in order; a batch
whose answer is lost is sent again. While nothing is reserved, nothing is sent.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from z1ray.serving.quota.batches import Answers, Batch, Settlement
from z1ray.serving.quota.entries import Claim, Granted, Refused

Send = Callable[[Batch], Awaitable[Answers]]
Written = Callable[[], tuple[int, int]]

_REPORT_EVERY_S = 2.0
_RETRY_S = 0.5
# A request waits so long for its reservation. The book's process is back earlier where it only died.
_PATIENCE_S = 30.0


class BookLost(Exception):
    """A batch got no answer; whether it was done is not known."""


class BookUnreachable(Exception):
    """The book does not answer: nothing can be reserved."""


class BookClient:
    """One owner.

    Args:
        send: Delivers a batch to the book; ``BookLost`` if it has to be sent again.
    """

    def __init__(self, send: Send) -> None:
        self.owner = uuid.uuid4().hex
        self._send = send
        self._queue: list[tuple[Claim | Settlement, asyncio.Future[Any]]] = []
        self._open: dict[str, Written] = {}
        self._wake = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None
        self._reported = 0.0

    async def reserve(self, claim: Claim, written: Written) -> Granted | Refused:
        """Reserve what a claim asks for.

        Args:
            claim: With an id of its own.
            written: Tells what it has spent and thought so far, until it is settled.

        Raises:
            BookUnreachable: If there is no answer in time; nothing stays reserved then, as if the caller is cancelled.
        """
        answer: asyncio.Future[Granted | Refused] = self._put(claim)
        # Open from now on for all that is known here: its owner has to be heard of as soon as the book has it.
        self._open[claim.id] = written
        offer = None
        try:
            await asyncio.wait({answer}, timeout=_PATIENCE_S)
            offer = answer.result() if answer.done() else None
        finally:
            if not isinstance(offer, Granted):
                del self._open[claim.id]
            if offer is None:
                self._put(Settlement(claim.id, 0, 0))
        if offer is None:
            raise BookUnreachable
        return offer

    def settle(self, claim_id: str) -> "asyncio.Future[None]":
        """Close a reservation with what was written of it; done once the book has it."""
        return self._put(Settlement(claim_id, *self._open.pop(claim_id)()))

    def _put(self, operation: Claim | Settlement) -> "asyncio.Future[Any]":
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._queue.append((operation, answer))
        self._wake.set()
        if self._sender is None:
            self._sender = asyncio.create_task(self._work())
        return answer

    async def _work(self) -> None:
        while self._queue or self._open:
            if not self._queue:
                self._wake.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _REPORT_EVERY_S)
            queued, self._queue = self._queue, []
            answers = await self._deliver(Batch(self.owner, tuple(each for each, _ in queued), self._news()))
            for (_, future), answer in zip(queued, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
        self._sender = None

    async def _deliver(self, batch: Batch) -> Answers:
        while True:
            try:
                return await self._send(batch)
            except BookLost:
                await asyncio.sleep(_RETRY_S)

    def _news(self) -> dict[str, tuple[int, int]]:
        """What the open reservations have written, every few seconds."""
        if time.monotonic() - self._reported < _REPORT_EVERY_S:
            return {}
        self._reported = time.monotonic()
        return {claim_id: written() for claim_id, written in self._open.items()}


def sender(path: str) -> Send:
    """Sends to the actor that keeps the book of a file, and starts it if it is not there."""
    from ray.exceptions import RayActorError

    from z1ray.serving.quota.keeper import keeper

    actor: Any = None

    async def send(batch: Batch) -> Answers:
        nonlocal actor
        try:
            if actor is None:
                actor = await asyncio.to_thread(keeper, path)
            answers: Answers = await actor.apply.remote(batch)
        except RayActorError as error:
            actor = None
            raise BookLost from error
        return answers

    return send
