"""Whatever bounds a budget, what is left is a window that holds an answer, and the client learns what it was."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.serving.window.test_request import CHAT, CONFIG, HINTS, MODEL
from z1ray.errors import UserError
from z1ray.serving.window.bounds import CONVERSATION, DEADLINE, LOAD, QUOTA, Bound, bound
from z1ray.serving.window.request import ASKED, DEFAULT, Prompts, WindowRequest, read_request
from z1ray.window import NO_CAP, Window, WindowConfig

HINT = HINTS["code"]
BOUNDS = st.lists(
    st.builds(Bound, st.integers(0, 300), st.sampled_from([DEADLINE, QUOTA, LOAD, CONVERSATION])), max_size=4
)
REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "thinking_budget": st.integers(NO_CAP, 400),
        "max_tokens": st.integers(1, 500),
        "grace": st.floats(0, 1),
        "tools": st.just([{"type": "function"}]),
    },
)


def bounded(*bounds: Bound, room: int | None = None, config: WindowConfig = CONFIG, **fields: object) -> WindowRequest:
    return bound(read_request(fields, MODEL, CHAT), bounds, config, room)


@settings(deadline=None)
@given(fields=REQUESTS, bounds=BOUNDS, prompt=st.none() | st.integers(1, 999))
def test_a_bounded_window_is_within_its_bounds_and_holds_an_answer(
    fields: dict[str, object], bounds: list[Bound], prompt: int | None
) -> None:
    """Too large a budget breaks a promise; one without room for an answer is time spent for nothing."""
    try:
        wanted = read_request(fields, MODEL, Prompts("messages", num_tokens=prompt))
    except UserError:
        return
    room = None if prompt is None else MODEL.context - prompt
    got = bound(wanted, bounds, CONFIG, room)
    window, least = got.window, min((each.budget for each in bounds), default=10**9)
    if got == wanted:
        too_short = window.max_tokens is not None and window.max_tokens <= len(HINT)
        too_short |= room is not None and room <= len(HINT)
        holds = window.budget <= least if window.budget != NO_CAP else (window.max_tokens or room or 10**9) <= least
        assert holds or wanted.fixed or too_short
        return
    assert 0 <= window.budget <= least
    assert window.budget < wanted.window.budget or wanted.window.budget == NO_CAP
    assert got.bounded_by in {each.by for each in bounds if each.budget == least}
    assert window.answer_tokens >= 1
    assert window.max_tokens is not None
    assert window.budget + window.grace_tokens + len(HINT) + window.answer_tokens == window.max_tokens
    assert window.max_tokens <= min(wanted.window.max_tokens or 10**9, room or 10**9)
    assert got.limited == ("max_tokens" in fields)
    if got.limited:
        assert window.max_tokens == fields["max_tokens"]


def test_the_smallest_bound_holds_and_is_named() -> None:
    """Asked and default budgets alike; which of two equal bounds is named does not matter, but one is."""
    assert read_request({}, MODEL, CHAT).bounded_by == DEFAULT
    assert read_request({"reasoning_effort": "low"}, MODEL, CHAT).bounded_by == ASKED
    assert read_request({"reasoning": {"max_tokens": 5}}, MODEL, CHAT).bounded_by == ASKED
    assert bounded(Bound(40, LOAD), Bound(30, QUOTA)).window == Window(30, HINT, 30 + 3 + 50)
    assert bounded(Bound(40, LOAD), Bound(30, QUOTA)).bounded_by == QUOTA
    assert bounded(Bound(5, DEADLINE), reasoning_effort="low").bounded_by == DEADLINE
    assert bounded(Bound(100, LOAD)).bounded_by == DEFAULT
    assert bounded(Bound(20, LOAD), thinking_budget=20).bounded_by == ASKED


def test_limits_and_grace_follow_the_budget_unless_the_client_named_its_limit() -> None:
    """A limit of the client's own is not ours to lower: its answer gets what thinking loses."""
    assert bounded(Bound(10, LOAD), thinking_budget=40, grace=0.5).window == Window(10, HINT, 68, 5)
    assert bounded(Bound(10, LOAD), thinking_budget=40, max_tokens=90).window == Window(10, HINT, 90)
    assert bounded(Bound(10, LOAD), room=30).window == Window(10, HINT, 30)


def test_a_request_without_a_cap_gets_one() -> None:
    """Its own limit may be within the bound already; else the cap leaves room for hint and answer."""
    gracious = WindowConfig(grace=0.5, answer_tokens=50)
    assert bounded(Bound(10, QUOTA), thinking_budget=-1).window == Window(10, HINT, 63)
    assert bounded(Bound(10, QUOTA), thinking_budget=-1, config=gracious).window == Window(10, HINT, 68, 5)
    assert bounded(Bound(18, QUOTA), thinking_budget=-1, max_tokens=20).window == Window(16, HINT, 20)
    assert bounded(Bound(20, QUOTA), thinking_budget=-1, max_tokens=20).window.budget == NO_CAP
    assert bounded(Bound(20, QUOTA), thinking_budget=-1, room=25).window == Window(20, HINT, 25)


def test_what_no_cap_can_be_enforced_on_is_left_alone() -> None:
    """A grammar or a tool call would be broken by a hint in the middle; beams write several texts at once."""
    for fields in ({"response_format": {"type": "json_object"}}, {"use_beam_search": True}):
        for budget in (NO_CAP, 0)[: 1 if "use_beam_search" in fields else 2]:
            got = bounded(Bound(1, CONVERSATION), thinking_budget=budget, **fields)
            assert (got.window.budget, got.bounded_by) == (budget, ASKED)
