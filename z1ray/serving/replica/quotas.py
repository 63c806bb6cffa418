"""Reserves a request's tokens before it waits for a slot, and gives back what it did not write.

Requests of keys without a quota that belong to no conversation pass without a call to
the book; where there are no quotas, the book's process starts with the first
conversation.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from z1ray.errors import UserError
from z1ray.serving.quota.answers import UNREACHABLE, Allowance, Denied, allowance, denied
from z1ray.serving.quota.client import BookClient, BookUnreachable, sender
from z1ray.serving.quota.config import Quota, quota_of
from z1ray.serving.quota.entries import NO_LIMITS, Claim, Conversation, Granted
from z1ray.serving.quota.keeper import keeper
from z1ray.serving.window.claims import claim_of, granted_window, most_thinking, unbound
from z1ray.serving.window.conversation import ID
from z1ray.serving.window.request import WindowRequest
from z1ray.window import Accounting, WindowConfig

_PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class QuotaSettings:
    """The quotas of an endpoint.

    Attributes:
        store: The file of the book; None if there is none.
        quotas: By name of the key's holder.
    """

    store: str | None
    quotas: Mapping[str, Quota]

    def plain(self) -> dict[str, Any]:
        """As a deployment's ``user_config`` holds it."""
        return {"store": self.store, "quotas": {name: asdict(quota) for name, quota in self.quotas.items()}}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "QuotaSettings":
        """From ``plain``."""
        return cls(plain["store"], {name: Quota(**each) for name, each in plain["quotas"].items()})


@dataclass(frozen=True, slots=True)
class Asking:
    """A request that asks for its tokens.

    Attributes:
        wanted: Its window, as nothing has bounded it yet.
        holder: Name of its key's holder.
        conversation: The one it belongs to.
        room: Tokens that its longest prompt leaves of the context; None if it was not counted.
    """

    wanted: WindowRequest
    holder: str
    conversation: Conversation | None
    room: int | None


class Written:
    """What a request has written so far; an ``Observer``. What is not streamed is known once it has ended."""

    def __init__(self) -> None:
        self.most_thinking = 0
        self._unfinished: dict[int, int] = {}
        self._spent = self._thought = 0

    def __call__(self) -> tuple[int, int]:
        """Tokens, and how many of them are thinking: of a sequence that has not ended, all that may be."""
        thought = sum(min(each, self.most_thinking) for each in self._unfinished.values())
        return self._spent + sum(self._unfinished.values()), self._thought + thought

    def wrote(self, index: int, num_tokens: int) -> None:
        """A choice of a stream has that many more tokens."""
        self._unfinished[index] = self._unfinished.get(index, 0) + num_tokens

    def finished(self, index: int, accounting: Accounting) -> None:
        """A choice has ended."""
        self._unfinished.pop(index, None)
        self._spent += accounting.thinking_tokens + accounting.hint_tokens + accounting.answer_tokens
        self._thought += accounting.thinking_tokens


@dataclass(frozen=True, slots=True)
class Admission:
    """What became of a request.

    Attributes:
        wanted: Its window, within what it was granted.
        written: To be told of its tokens.
        told: What the ingress is told before any answer: headers, or that it goes no further; None without a quota.
    """

    wanted: WindowRequest
    written: Written
    told: Allowance | Denied | None = None


class Quotas:
    """The quotas of one replica; there are none before ``configure``.

    Args:
        context: The model's context in tokens.
    """

    def __init__(self, context: int) -> None:
        self._context = context
        self._config, self._settings = WindowConfig(), QuotaSettings(None, {})
        self._book: BookClient | None = None

    async def configure(self, config: WindowConfig, settings: QuotaSettings) -> None:
        """Have other settings from now on; where there are quotas, the book's process is started before it is needed.

        Args:
            config: The model's window settings.
            settings: The endpoint's quotas.
        """
        if settings.store != self._settings.store:
            # What is reserved in the old one is settled there.
            self._book = None
        self._config, self._settings = config, settings
        if settings.quotas and settings.store is not None:
            await asyncio.to_thread(keeper, settings.store)

    @asynccontextmanager
    async def admit(self, asking: Asking) -> AsyncIterator[Admission]:
        """Reserve a request's tokens; when the block is left, what it did not write is given back.

        Raises:
            UserError: For a conversation where there is no book, and a request that cannot be kept within its own.
        """
        quota = quota_of(asking.holder, self._settings.quotas)
        written, wanted = Written(), asking.wanted
        if quota is None and asking.conversation is None:
            yield Admission(wanted, written)
            return
        book, claim = self._client(asking), self._claim(asking, quota)
        try:
            offer = await book.reserve(claim, written)
        except BookUnreachable:
            yield Admission(wanted, written, UNREACHABLE)
            return
        if not isinstance(offer, Granted):
            yield Admission(wanted, written, denied(offer))
            return
        try:
            granted = self._within(asking, offer)
            written.most_thinking = most_thinking(granted, self._context)
            yield Admission(granted, written, offer.standing and allowance(offer.standing))
        finally:
            settled = book.settle(claim.id)
        # Told before the request ends, so that a replica that drains has told all of it.
        await asyncio.wait({settled}, timeout=_PATIENCE_S)

    def _client(self, asking: Asking) -> BookClient:
        if self._book is None:
            if self._settings.store is None:
                named = asking.conversation and asking.conversation.id
                problem = "this endpoint keeps no book of conversations"
                raise UserError(ID, named, problem, "leave it out; the operator may set serve.quota_store")
            self._book = BookClient(sender(self._settings.store))
        return self._book

    def _claim(self, asking: Asking, quota: Quota | None) -> Claim:
        return claim_of(
            asking.wanted,
            self._config,
            asking.room or self._context,
            claim_id=uuid.uuid4().hex,
            key=asking.holder,
            limits=NO_LIMITS if quota is None else quota.limits,
            conversation=asking.conversation,
        )

    def _within(self, asking: Asking, offer: Granted) -> WindowRequest:
        got = granted_window(asking.wanted, self._config, asking.room, self._context, offer)
        if got is None:
            raise unbound(asking.wanted, offer.thinking)
        return got
