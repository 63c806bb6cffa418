"""What is reserved is the most that can be written, and what is granted bounds the window that the engine gets."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.serving.window.test_bounds import REQUESTS
from tests.serving.window.test_request import CHAT, CONFIG, HINTS, MODEL
from z1ray.errors import UserError
from z1ray.serving.quota.book import Book
from z1ray.serving.quota.entries import Claim, Conversation, Granted, Limits
from z1ray.serving.window.claims import claim_of, granted_window, most_thinking, unbound
from z1ray.serving.window.conversation import read_conversation
from z1ray.serving.window.request import Prompts, WindowRequest, read_request
from z1ray.window import NO_CAP, Window

HINT = HINTS["code"]


def claimed(wanted: WindowRequest, limits: Limits = (None, None), budget: int | None = None) -> Claim:
    talk = None if budget is None else Conversation("talk", budget)
    return claim_of(wanted, CONFIG, MODEL.context, claim_id="1", key="k", limits=limits, conversation=talk)


@settings(deadline=None)
@given(
    fields=REQUESTS,
    choices=st.integers(1, 3),
    prompt=st.none() | st.integers(1, 999),
    quota=st.none() | st.integers(1, 1500),
    budget=st.none() | st.integers(0, 900),
)
def test_a_window_stays_within_what_was_granted(
    fields: dict[str, object], choices: int, prompt: int | None, quota: int | None, budget: int | None
) -> None:
    """Written beyond it, tokens would be nobody's; an asked budget is kept by quotas, and lowered by conversations."""
    try:
        wanted = read_request({**fields, "n": choices}, MODEL, Prompts("messages", num_tokens=prompt))
    except UserError:
        return
    room = None if prompt is None else MODEL.context - prompt
    most = MODEL.context if room is None else room
    talk = None if budget is None else Conversation("talk", budget)
    limits = (quota, None)
    claim = claim_of(wanted, CONFIG, most, claim_id="1", key="k", limits=limits, conversation=talk)
    assert claim.tokens == choices * min(most, wanted.window.max_tokens or most)
    offer = Book().reserve(claim, "owner", 0.0)
    if not isinstance(offer, Granted):
        assert quota is not None
        assert offer.wanted > quota
        return
    got = granted_window(wanted, CONFIG, room, MODEL.context, offer)
    if got is None:
        assert budget is not None
        assert wanted.fixed or (wanted.window.max_tokens or most) <= len(HINT)
        return
    assert choices * most_thinking(got, most) <= offer.thinking <= (10**9 if budget is None else budget)
    assert choices * min(most, got.window.max_tokens or most) <= offer.tokens <= (quota or 10**9)
    if offer.by is None:
        assert got == wanted
    if fields.get("thinking_budget") is not None and budget is None:
        assert got == wanted


def test_the_client_is_told_what_its_budget_gave_way_to() -> None:
    """A default one to the quota, with its answer whole; any to the conversation, down to the hint."""
    default = read_request({}, MODEL, CHAT)
    offer = Book().reserve(claimed(default, (len(HINT) + 50 + 30, None)), "owner", 0.0)
    assert isinstance(offer, Granted)
    got = granted_window(default, CONFIG, None, MODEL.context, offer)
    assert got is not None
    assert (got.window, got.bounded_by) == (Window(30, HINT, 30 + len(HINT) + 50), "quota")
    asked = read_request({"thinking_budget": 40}, MODEL, CHAT)
    offer = Book().reserve(claimed(asked, budget=0), "owner", 0.0)
    assert isinstance(offer, Granted)
    got = granted_window(asked, CONFIG, None, MODEL.context, offer)
    assert got is not None
    assert (got.window, got.bounded_by) == (Window(0, HINT, len(HINT) + 50), "conversation")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"max_tokens": len(HINT)}, "larger max_tokens"),
        ({"thinking_budget": NO_CAP, "tools": [{"type": "function"}]}, "thinking_budget 0"),
    ],
)
def test_what_no_cap_can_keep_within_its_conversation_is_refused_with_what_to_do(
    fields: dict[str, object], told: str
) -> None:
    """Let through, it would break the conversation's budget; one that leaves room for all of it lets it through."""
    wanted = read_request(fields, replace(MODEL, tools=True), CHAT)
    offer = Book().reserve(claimed(wanted, budget=1), "owner", 0.0)
    assert isinstance(offer, Granted)
    assert granted_window(wanted, CONFIG, None, MODEL.context, offer) is None
    assert told in str(unbound(wanted, offer.thinking))
    offer = Book().reserve(claimed(wanted, budget=10_000), "owner", 0.0)
    assert isinstance(offer, Granted)
    assert granted_window(wanted, CONFIG, None, MODEL.context, offer) == wanted


def test_a_grammar_thinks_nothing() -> None:
    """Its text is an answer, whatever it is asked under: a conversation has nothing to count."""
    wanted = read_request({"thinking_budget": -1, "response_format": {"type": "json_object"}}, MODEL, CHAT)
    assert claimed(wanted, budget=0).thinking == 0


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"conversation_id": "c"}, "conversation_budget"),
        ({"conversation_budget": 5}, "conversation_id"),
        ({"conversation_id": 5, "conversation_budget": 5}, "conversation_id"),
        ({"conversation_id": "", "conversation_budget": 5}, "conversation_id"),
        ({"conversation_id": "c" * 129, "conversation_budget": 5}, "conversation_id"),
        ({"conversation_id": "\ud800", "conversation_budget": 5}, "conversation_id"),
        ({"conversation_id": "c", "conversation_budget": True}, "conversation_budget"),
        ({"conversation_id": "c", "conversation_budget": -1}, "conversation_budget"),
        ({"conversation_id": "c", "conversation_budget": 1.5}, "conversation_budget"),
        ({"conversation_id": "c", "conversation_budget": 2**63}, "conversation_budget"),
    ],
)
def test_half_a_conversation_is_refused_by_name(fields: dict[str, object], field: str) -> None:
    """One field without the other bounds nothing, which its sender would not notice."""
    with pytest.raises(UserError) as caught:
        read_conversation(fields)
    assert caught.value.field == field


def test_a_whole_one_is_read_and_none_is_none() -> None:
    """A null counts as unset, as everywhere."""
    assert read_conversation({"conversation_id": "c", "conversation_budget": 0}) == Conversation("c", 0)
    assert read_conversation({"conversation_id": None, "conversation_budget": None}) is None
