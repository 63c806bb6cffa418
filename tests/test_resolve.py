"""What a request names holds or is refused; what it leaves open gives way to its limit and its prompt."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from z1ray.errors import UserError
from z1ray.resolve import resolve
from z1ray.window import NO_CAP, Window, WindowConfig

HINT = (7, 8, 9)
CONFIG = WindowConfig(default_budget=100, answer_tokens=20)


@pytest.mark.parametrize(
    ("budget", "max_tokens", "expected"),
    [
        (None, None, Window(100, HINT, 123)),
        (5, None, Window(5, HINT, 28)),
        (0, None, Window(0, HINT, 23)),
        (NO_CAP, None, Window(NO_CAP, HINT, None)),
        (NO_CAP, 4, Window(NO_CAP, HINT, 4)),
        (5, 9, Window(5, HINT, 9)),
    ],
)
def test_unset_fields_take_the_models_settings(budget, max_tokens, expected):
    """Unset budget is the default; unset limit is budget + hint + answer tokens."""
    assert resolve(CONFIG, HINT, budget, max_tokens) == expected


@pytest.mark.parametrize(
    ("budget", "grace", "grace_tokens"),
    [
        (10, 0.25, 2),
        (100, 0.29, 29),
        (7, 1, 7),
        (7, 0.5, 3),
        (3, 0.1, 0),
        (9, 0.99, 8),
        (0, 1.0, 0),
        (NO_CAP, 0.5, 0),
        (50, None, 5),
        (50, 0, 0),
    ],
)
def test_grace_is_a_share_of_the_budget_rounded_down(budget, grace, grace_tokens):
    """At most that much over budget, the answer keeps its room, and a request's own grace wins."""
    window = resolve(WindowConfig(grace=0.1, answer_tokens=20), HINT, budget, grace=grace)
    assert window.grace_tokens == grace_tokens
    assert window.max_tokens == (None if budget == NO_CAP else budget + grace_tokens + len(HINT) + 20)


def test_limit_without_room_for_an_answer_is_refused_naming_both():
    """M < B + grace + |H| + 1 would accept a cap and never answer."""
    with pytest.raises(UserError) as caught:
        resolve(CONFIG, HINT, 5, 8)
    assert "max_tokens = 8" in str(caught.value)
    assert "thinking_budget 5" in str(caught.value)
    assert "9 or more" in str(caught.value)
    with pytest.raises(UserError, match=r"2 tokens of grace(?s:.*)11 or more"):
        resolve(CONFIG, HINT, 5, 10, grace=0.5)
    assert resolve(CONFIG, HINT, 5, 11, grace=0.5) == Window(5, HINT, 11, 2)


@pytest.mark.parametrize(
    ("max_budget", "budget", "told"), [(NO_CAP, -2, "-1 or more"), (64, 65, "0 to 64"), (64, NO_CAP, "0 to 64")]
)
def test_a_budget_out_of_range_is_refused_with_the_range(max_budget, budget, told):
    """-2 means nothing; where the operator set a maximum, no request may go over it or without a cap."""
    config = WindowConfig(default_budget=8, max_budget=max_budget, efforts={})
    with pytest.raises(UserError, match=told) as caught:
        resolve(config, HINT, budget)
    assert (caught.value.field, caught.value.value) == ("thinking_budget", budget)


@pytest.mark.parametrize("grace", [-0.1, 1.01, math.nan, math.inf])
def test_a_grace_that_is_no_share_is_refused(grace):
    """Grace 5 is surely meant as a token count: it must not multiply the budget by six."""
    with pytest.raises(UserError, match="grace"):
        resolve(CONFIG, HINT, 5, grace=grace)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (123, Window(100, HINT, 123)),
        (122, Window(99, HINT, 122)),  # the answer keeps its 20 tokens
        (43, Window(20, HINT, 43)),
        (42, Window(19, HINT, 42)),  # and half of what the hint leaves, where that is less
        (5, Window(1, HINT, 5)),
        (4, Window(0, HINT, 4)),
        (3, Window(3, HINT, 3)),  # no room for hint and answer: such a run is never cut
        (1, Window(1, HINT, 1)),
    ],
)
def test_a_default_budget_gives_way_to_a_limit_and_to_the_room(limit, expected):
    """An ordinary client sends 100 tokens as its limit and knows of no budget; a long prompt leaves as little."""
    assert resolve(CONFIG, HINT, max_tokens=limit) == expected
    assert resolve(CONFIG, HINT, room=limit) == expected
    assert resolve(CONFIG, HINT, max_tokens=limit, room=limit + 1) == expected


def test_a_budget_that_was_asked_for_never_gives_way():
    """Its answer does, to the room that the prompt leaves; what cannot be is refused by the prompt's length."""
    assert resolve(CONFIG, HINT, 100, room=123) == Window(100, HINT, 123)
    assert resolve(CONFIG, HINT, 100, room=104) == Window(100, HINT, 104)
    with pytest.raises(UserError, match="send 99 or less, or a shorter prompt") as caught:
        resolve(CONFIG, HINT, 100, room=103)
    assert (caught.value.field, caught.value.value) == ("thinking_budget", 100)
    with pytest.raises(UserError, match="103 tokens that the prompt leaves"):
        resolve(CONFIG, HINT, 80, room=103, grace=0.5)


def test_a_limit_over_the_room_is_refused_by_its_own_name():
    """The engine would count the prompt against it and name neither."""
    with pytest.raises(UserError, match="send max_tokens of 60 or less") as caught:
        resolve(CONFIG, HINT, max_tokens=61, room=60)
    assert (caught.value.field, caught.value.value) == ("max_tokens", 61)


def test_no_default_makes_a_model_think_over_its_maximum():
    """A limit shorter than the hint would run uncut, as far as the operator lets any run think."""
    config = WindowConfig(default_budget=1, max_budget=2, efforts={})
    assert resolve(config, HINT, max_tokens=2) == Window(2, HINT, 2)
    with pytest.raises(UserError, match="max_tokens of 4 or more"):
        resolve(config, HINT, max_tokens=3)


@settings(deadline=None)
@given(
    default=st.integers(NO_CAP, 300),
    grace=st.floats(0, 1),
    answer=st.integers(1, 60),
    limit=st.none() | st.integers(1, 500),
    room=st.none() | st.integers(1, 500),
)
def test_a_request_that_names_no_budget_always_gets_a_window(default, grace, answer, limit, room):
    """It fits, its answer has a token, and it thinks no more than the default."""
    if limit is not None and room is not None:
        limit = min(limit, room)
    config = WindowConfig(default_budget=default, grace=grace, answer_tokens=answer)
    window = resolve(config, HINT, max_tokens=limit, room=room)
    most = room if limit is None else limit
    if window.budget == NO_CAP:
        assert (default, window.max_tokens) == (NO_CAP, limit)
    elif not window.can_cut:
        assert window.budget == window.max_tokens == most <= len(HINT)
    else:
        assert window.budget <= default
        assert window.max_tokens is not None
        answer_left = window.max_tokens - window.budget - window.grace_tokens - len(HINT)
        assert answer_left >= min(answer, (window.max_tokens - len(HINT) + 1) // 2) >= 1
        assert most is None or window.max_tokens <= most
