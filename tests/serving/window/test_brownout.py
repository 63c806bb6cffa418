"""As the queue fills budgets shrink, steadily, and those that clients asked for only if the operator says so."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.serving.window.test_request import CHAT, MODEL
from z1ray.serving.window.bounds import LOAD, Bound
from z1ray.serving.window.brownout import BrownOut, brown_out
from z1ray.serving.window.request import WindowRequest, read_request

USUAL = BrownOut(begins=0.5, floor=0, asked=False, queue=100)
CONTEXT = 1000


def wanted(**fields: object) -> WindowRequest:
    return read_request(fields, MODEL, CHAT)


@pytest.mark.parametrize(("queued", "budget"), [(50, 100), (51, 98), (75, 50), (99, 2), (100, 0), (130, 0)])
def test_a_default_budget_shrinks_linearly_to_the_floor(queued: int, budget: int) -> None:
    """A step would be felt by some and unseen by others; past the end Serve refuses."""
    got = brown_out(wanted(), USUAL, queued / 100, CONTEXT)
    assert got == (None if budget == 100 else Bound(budget, LOAD))


def test_asked_budgets_shrink_only_if_the_operator_says_so() -> None:
    """A client that named a count, an effort or another API's field was promised it."""
    too = BrownOut(begins=0.5, floor=10, asked=True, queue=100)
    for fields in ({"thinking_budget": 20}, {"reasoning_effort": "low"}, {"reasoning": {"max_tokens": 20}}):
        assert brown_out(wanted(**fields), USUAL, 0.99, CONTEXT) is None
        assert brown_out(wanted(**fields), too, 0.75, CONTEXT) == Bound(15, LOAD)
    assert brown_out(wanted(thinking_budget=4), too, 0.99, CONTEXT) == Bound(4, LOAD)
    assert brown_out(wanted(thinking_budget=-1), too, 0.75, 1010) == Bound(510, LOAD)


def test_it_can_be_switched_off() -> None:
    """1 is the whole queue: then there is nothing left of it to shrink in."""
    assert brown_out(wanted(), BrownOut(1.0, 0, True, 100), 1.0, CONTEXT) is None


@settings(deadline=None)
@given(begins=st.floats(0, 1), floor=st.integers(0, 200), load=st.floats(0, 1.2), more=st.floats(0, 0.2))
def test_more_load_never_means_more_thinking(begins: float, floor: int, load: float, more: float) -> None:
    """Nor less than the floor, nor more than without load."""
    settings = BrownOut(begins, floor, False, queue=9)
    bounds = [brown_out(wanted(), settings, each, CONTEXT) for each in (load, load + more)]
    budgets = [100 if got is None else got.budget for got in bounds]
    assert min(floor, 100) <= budgets[1] <= budgets[0] <= 100
