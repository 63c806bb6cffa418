"""As many samples as fit into a limit, and no token more."""

import asyncio
from collections.abc import Sequence

from tests.evaluation.scripted import END, Scripted, turn
from z1ray.evaluation.methods.draws import MOST_DRAWS, draw, votes
from z1ray.evaluation.methods.run import Run
from z1ray.evaluation.traces import Trace

SHORT = (1, 2, END)
LONG = (*range(1, 30), END)


def drawn(model: Scripted, trace: Trace, limit: int, draws: Sequence[Sequence[int]] = ()) -> list[Sequence[int]]:
    return asyncio.run(draw(turn(model), trace, draws, limit))


def sizes(runs: Sequence[Run]) -> list[int]:
    assert [run.sample for run in runs] == list(range(len(runs)))
    return [run.thinking_tokens for run in runs]


def test_samples_are_drawn_until_the_next_does_not_fit() -> None:
    """That one is given no more tokens than are left, and does not count."""
    model = Scripted((), scripts=[(1, END), LONG, SHORT])
    draws = drawn(model, Trace(SHORT, ended=True), 9)
    assert draws == [(1, END)]
    assert model.limits == [6, 4]
    assert len({sampling["seed"] for _, sampling in model.asked}) == 2


def test_each_limit_has_the_samples_that_fit_into_it() -> None:
    """Those of a smaller one are the first of a larger one's."""
    trace, draws = Trace(SHORT, ended=True), [(1, END), SHORT]
    assert [sizes(votes(trace, draws, limit)) for limit in (3, 4, 5, 7, 8, 50)] == [
        [3],
        [3],
        [3, 2],
        [3, 2],
        *[[3, 2, 3]] * 2,
    ]
    assert sum(sizes(votes(trace, draws, 7))) <= 7


def test_a_first_sample_that_does_not_fit_is_cut_and_stands_alone() -> None:
    """Whether it ended behind the limit or not at all."""
    for trace in (Trace(LONG, ended=True), Trace(LONG[:20], ended=False)):
        (run,) = votes(trace, [], 12)
        assert (run.kept, run.added, run.thinking_tokens) == (12, (), 12)
        assert drawn(Scripted(()), trace, 12) == []


def test_more_tokens_go_on_drawing() -> None:
    """Nothing is drawn twice."""
    model = Scripted((), scripts=[SHORT, LONG])
    assert drawn(model, Trace(SHORT, ended=True), 10, [(1, END)]) == [(1, END), SHORT]
    assert model.limits == [5, 2]


def test_there_is_a_largest_number_of_samples() -> None:
    """A model that says one word would be asked without end otherwise."""
    model = Scripted((), scripts=[(END,)] * 1000)
    assert len(drawn(model, Trace((END,), ended=True), 5000)) == MOST_DRAWS - 1
