"""What a deadline leaves to think, and what it cannot hold."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.serving.window.test_request import CHAT, HINTS, MODEL
from z1ray.serving.window.bounds import DEADLINE, bound
from z1ray.serving.window.deadline import DeadlineImpossible, Pace, fit
from z1ray.serving.window.request import WindowRequest, read_request

HINT = len(HINTS["code"])
PACE = Pace(token_s=0.125)


def wanted(**fields: object) -> WindowRequest:
    return read_request(fields, MODEL, CHAT)


def budget(deadline_s: float, waited_s: float = 0.0, pace: Pace = PACE, prompt: int = 0, **fields: object) -> int:
    got = fit(wanted(deadline_s=deadline_s, **fields), waited_s, pace, prompt, MODEL.config.answer_tokens)
    assert got.by == DEADLINE
    return got.budget


def test_the_budget_is_what_the_time_left_holds_beside_hint_and_answer() -> None:
    """Of 20 s four fifths are planned with: 128 tokens, of which hint and answer are 53."""
    assert budget(20) == 128 - HINT - 50
    assert budget(20, waited_s=5) == 96 - HINT - 50
    assert budget(20, pace=Pace(0.25)) == 64 - HINT - 50
    assert budget(20, thinking_budget=40, grace=0.5) == int((128 - HINT - 50) / 1.5)


def test_a_limit_of_the_clients_own_is_all_that_an_answer_needs() -> None:
    """``max_tokens: 20`` is answered sooner than the model's 50 tokens of answer would be."""
    assert budget(10, max_tokens=20) == 64 - 20
    assert budget(3.25, max_tokens=20) == 0


def test_the_prompt_takes_its_time() -> None:
    """Beside that of the wait for the engine, which all prompts share."""
    pace = Pace(0.125, first_s=1.0, prompt_token_s=0.0125)
    assert budget(20, pace=pace) == 128 - 8 - HINT - 50
    assert budget(20, pace=pace, prompt=400) == 128 - 8 - 40 - HINT - 50


@pytest.mark.parametrize(
    ("deadline_s", "waited_s", "earliest_s"), [(6, 0, 8.28125), (9, 3, 11.28125), (9, 30, 38.28125)]
)
def test_a_deadline_that_holds_no_answer_is_refused_with_the_earliest_time(
    deadline_s: float, waited_s: float, earliest_s: float
) -> None:
    """A client that knows when it could have been may wait, or ask somebody else."""
    with pytest.raises(DeadlineImpossible) as caught:
        budget(deadline_s, waited_s)
    assert caught.value.deadline_s == deadline_s
    assert caught.value.earliest_s == pytest.approx(earliest_s, abs=0.01)


@settings(deadline=None)
@given(
    deadline_s=st.floats(0.01, 200),
    waited_s=st.floats(0, 100),
    token_s=st.floats(0.001, 1),
    prompt=st.integers(0, 500),
    asked=st.none() | st.integers(-1, 400),
    grace=st.floats(0, 1),
)
def test_whatever_is_let_through_is_over_in_time_at_the_measured_speed(
    deadline_s: float, waited_s: float, token_s: float, prompt: int, asked: int | None, grace: float
) -> None:
    """All of its tokens, with all of the grace taken."""
    request = wanted(deadline_s=deadline_s, thinking_budget=asked, grace=grace)
    pace = Pace(token_s, 4 * token_s, token_s / 8)
    with suppress(DeadlineImpossible):
        got = fit(request, waited_s, pace, prompt, MODEL.config.answer_tokens)
        window = bound(request, [got], MODEL.config, None).window
        assert window.max_tokens is not None
        assert waited_s + pace.start_s(prompt) + window.max_tokens * token_s <= deadline_s
