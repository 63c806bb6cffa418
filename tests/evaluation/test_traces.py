"""Where a budget leaves a trace."""

import pytest

from z1ray.evaluation.traces import Trace
from z1ray.window import NO_CAP, Window

HINT = (7, 8)
NEWLINE = 0
BREAKS = frozenset({NEWLINE})

ENDED = Trace((1, 2, 3, 4), ended=True)
GOING = Trace((1, 2, 3, 4, 5, 6), ended=False)


def exact(budget: int) -> Window:
    return Window(budget, HINT, None if budget == NO_CAP else budget + 20)


@pytest.mark.parametrize(
    ("trace", "budget", "cut"),
    [
        *[(GOING, 0, 0), (GOING, 4, 4), (GOING, 6, 6), (GOING, NO_CAP, None)],
        *[(ENDED, 0, 0), (ENDED, 3, 3), (ENDED, 4, None), (ENDED, 9, None), (ENDED, NO_CAP, None)],
    ],
)
def test_an_answer_is_its_trace_or_leaves_it_at_the_cut(trace, budget, cut):
    """A run that ends within the budget, its last token included, is never shown the hint."""
    assert trace.cut(exact(budget), BREAKS) == cut


def test_a_trace_says_nothing_of_what_lies_behind_it():
    """Unless it ended: then it serves every budget."""
    assert not GOING.is_cut_by(exact(7), BREAKS)
    assert GOING.is_cut_by(exact(6), BREAKS)
    assert ENDED.is_cut_by(exact(100), BREAKS)
    assert [GOING.reaches(number) for number in (6, 7)] == [True, False]
    assert ENDED.reaches(100)
    with pytest.raises(AssertionError, match="before the cut"):
        GOING.cut(exact(7), BREAKS)


def test_grace_waits_for_the_line_end_within_the_trace():
    """The smaller budget's grace may end behind the larger budget, but its cut never lies behind that one's."""
    trace = Trace((1, 2, 3, 4, 5, 6, 6, NEWLINE), ended=False)
    graces = {6: 5, 5: 4, 4: 3, 3: 2}
    cuts = {budget: trace.cut(Window(budget, HINT, 30, grace), BREAKS) for budget, grace in graces.items()}
    assert cuts == {6: 8, 5: 8, 4: 7, 3: 5}
    assert not Trace((1, 2, 3, 4, 5, 6, 6), ended=False).is_cut_by(Window(6, HINT, 30, 5), BREAKS)
