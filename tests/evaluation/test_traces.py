"""Which answers are branches of which trace, and where they leave it."""

import pytest

from z1ray.evaluation.traces import Trace, serving
from z1ray.window import NO_CAP, Window

HINT = (7, 8)
NEWLINE = 0
BREAKS = frozenset({NEWLINE})

ENDED = Trace(6, (1, 2, 3, 4), cut=False)
CUT = Trace(6, (1, 2, 3, 4, 5, 6, *HINT, 9), cut=True)
FREE = Trace(NO_CAP, (1, 2, 3, 4, 5, 6, 1, 2), cut=False)


def exact(budget: int) -> Window:
    return Window(budget, HINT, None if budget == NO_CAP else budget + 20)


@pytest.mark.parametrize(
    ("trace", "budget", "shown"),
    [
        (CUT, 0, HINT),
        (CUT, 4, (1, 2, 3, 4, *HINT)),
        (CUT, 6, None),
        (ENDED, 3, (1, 2, 3, *HINT)),
        (ENDED, 4, None),
        (ENDED, 9, None),
        (ENDED, NO_CAP, None),
        (FREE, 7, (1, 2, 3, 4, 5, 6, 1, *HINT)),
        (FREE, 8, None),
        (FREE, NO_CAP, None),
    ],
)
def test_an_answer_is_its_trace_or_leaves_it_at_the_cut(trace, budget, shown):
    """A run that ends within the budget, its last token included, is never shown the hint."""
    assert trace.reaches(budget)
    assert trace.shown(exact(budget), BREAKS) == shown


def test_a_trace_that_was_cut_says_nothing_of_larger_budgets():
    """What stands behind its cut is the hint."""
    assert not CUT.reaches(7)
    assert not CUT.reaches(NO_CAP)


def test_grace_waits_for_the_line_end_within_the_trace():
    """The smaller budget's grace may end behind the larger budget, but its cut never lies behind the trace's."""
    trace = Trace(6, (1, 2, 3, 4, 5, 6, 6, NEWLINE, *HINT, 9), cut=True)
    graces = {5: 4, 4: 3, 3: 2}
    shown = {budget: trace.shown(Window(budget, HINT, 30, grace), BREAKS) for budget, grace in graces.items()}
    assert shown == {
        5: (1, 2, 3, 4, 5, 6, 6, NEWLINE, *HINT),
        4: (1, 2, 3, 4, 5, 6, 6, *HINT),
        3: (1, 2, 3, 4, 5, *HINT),
    }


@pytest.mark.parametrize(
    ("budget", "served"),
    [(4, CUT), (6, CUT), (7, Trace(9, CUT.token_ids, cut=True)), (10, FREE), (NO_CAP, FREE)],
)
def test_the_smallest_trace_that_reaches_serves(budget, served):
    """So a trace made later for a larger budget does not change the answers that are there."""
    traces = [FREE, Trace(9, CUT.token_ids, cut=True), CUT]
    assert serving(traces, budget) == served


def test_a_trace_that_ended_by_itself_serves_a_larger_budget():
    """Nothing is asked when a budget is added above one that nobody used up."""
    assert serving([ENDED], 100) == ENDED
    assert serving([CUT], 100) is None
    assert serving([], 1) is None
