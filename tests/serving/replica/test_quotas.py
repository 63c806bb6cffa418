"""Who has no quota pays nothing for those of others, and what a request wrote is known while it runs."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from tests.serving.window.test_request import CHAT, CONFIG, MODEL
from z1ray.errors import UserError
from z1ray.serving.quota.config import Quota
from z1ray.serving.quota.entries import Conversation
from z1ray.serving.replica.quotas import Admission, Asking, Quotas, QuotaSettings, Written
from z1ray.serving.window.request import read_request
from z1ray.window import Accounting

ALICE_ONLY = QuotaSettings(None, {"alice": Quota(tokens_per_day=1)})


async def admitted(quotas: Quotas, holder: str, conversation: Conversation | None = None) -> Admission:
    asking = Asking(read_request({}, MODEL, CHAT), holder, conversation, None)
    async with AsyncExitStack() as stack:
        return await stack.enter_async_context(quotas.admit(asking))


def test_without_quota_and_conversation_the_book_is_not_asked() -> None:
    """There is none here: a call to it would fail."""

    async def scenario() -> None:
        quotas = Quotas(MODEL.context)
        for settings in (QuotaSettings(None, {}), ALICE_ONLY):
            await quotas.configure(CONFIG, settings)
            admission = await admitted(quotas, "bob")
            assert admission.told is None
            assert admission.wanted == read_request({}, MODEL, CHAT)

    asyncio.run(scenario())


def test_a_conversation_is_refused_where_no_book_is_kept() -> None:
    """Taken silently, its budget would bound nothing."""
    with pytest.raises(UserError, match=r"serve\.quota_store"):
        asyncio.run(admitted(Quotas(MODEL.context), "bob", Conversation("c", 5)))


def test_settings_travel_as_plain_data() -> None:
    """Ray Serve hands them to replicas that run, as JSON."""
    settings = QuotaSettings("book.sqlite", ALICE_ONLY.quotas)
    assert QuotaSettings.from_plain(settings.plain()) == settings


def test_what_has_not_ended_counts_as_thinking_as_far_as_it_may_be() -> None:
    """Reported while it runs, it is what a replica's death leaves charged."""
    written = Written()
    written.most_thinking = 10
    written.wrote(0, 8)
    written.wrote(1, 6)
    written.wrote(1, 6)
    assert written() == (20, 18)
    written.finished(1, Accounting(9, 3, 4, cut=True))
    assert written() == (24, 17)
    written.finished(0, Accounting(8, 0, 0, cut=False))
    assert written() == (24, 17)
