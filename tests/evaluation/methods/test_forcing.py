"""Budget forcing ends thinking at the budget, or keeps it from ending before; a tag does the former."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.evaluation.scripted import END, Scripted, turn
from z1ray.evaluation.methods import names
from z1ray.evaluation.methods.marks import Marks
from z1ray.evaluation.methods.run import Run
from z1ray.evaluation.methods.table import Ask, State, carry_on, finish
from z1ray.evaluation.traces import Trace
from z1ray.window import NO_CAP, Window

FREE = Marks(tag=(), closing_text="", closing=(), final_text="", final=(80, 81), wait=(85, 86))
TAG = 60
TAGGED = Marks(tag=(TAG,), closing_text="", closing=(61, TAG), final_text="", final=(61, TAG, 81), wait=(85,))

EARLY = (1, 2, 3, END)
LATE = (*range(1, 40), END)
# Thinks five tokens, closes, answers two and ends.
THOUGHT = (1, 2, 3, 4, 5, TAG, 20, 21, END)
NOTHING = State(Trace((), ended=False))


def ask(model: Scripted, method: str, budgets: Sequence[int], marks: Marks, state: State | None = None) -> list[Run]:
    """The method's run at each budget."""
    asks = [Ask(method, Window(budget, (70,), budget + 1 + 6)) for budget in budgets]
    runs = asyncio.run(finished(model, asks, marks, state or NOTHING))
    for run, budget in zip(runs, budgets, strict=True):
        assert run.thinking_tokens <= budget
    return runs


async def finished(model: Scripted, asks: Sequence[Ask], marks: Marks, state: State) -> list[Run]:
    started = turn(model)
    runs = await finish(started, await carry_on(started, state, asks, marks), asks, marks)
    return [run for (run,) in runs]


def tokens(model: Scripted, run: Run) -> list[int]:
    return [*model.script[: run.kept], *run.added]


def test_thinking_is_ended_at_the_budget() -> None:
    """By "Final Answer:", since a model without tags has no delimiter."""
    model = Scripted(LATE)
    (long, short) = ask(model, names.BUDGET_FORCING, [5, 2], FREE)
    assert tokens(model, long) == [1, 2, 3, 4, 5, 80, 81, 1, 2, END]
    assert tokens(model, short) == [1, 2, 80, 81, 1, 2, END]
    assert (short.thinking_tokens, short.hint_tokens, short.answer_tokens, short.cut) == (2, 2, 3, True)
    assert model.limits == [5, 6, 6]


def test_thinking_that_stopped_before_is_left() -> None:
    """It may end with the budget's last token."""
    model = Scripted(EARLY)
    runs = ask(model, names.BUDGET_FORCING, [9, 4, 3], FREE)
    assert [tokens(model, run) for run in runs] == [[*EARLY], [*EARLY], [1, 2, 3, 80, 81, 1, 2, END]]
    assert [run.cut for run in runs] == [False, False, True]


def test_wait_stands_in_the_place_of_each_early_end() -> None:
    """Until the budget, at which thinking is ended; every run thinks for exactly the budget."""
    model = Scripted(EARLY, after={86: (7, END), 7: (8, 9, 9, 9, 9), 81: (5, END)})
    runs = ask(model, names.BUDGET_FORCING_WAIT, [11, 7, 2], FREE)
    waited = [1, 2, 3, 85, 86, 7, 85, 86, 7, 85, 86, 7]
    assert [tokens(model, run) for run in runs] == [[*waited[:b], 80, 81, 5, END] for b in (11, 7, 2)]
    assert [(run.thinking_tokens, run.cut) for run in runs] == [(11, True), (7, True), (2, True)]
    assert [run.kept for run in runs] == [3, 3, 2]


def test_waiting_goes_on_where_it_stands() -> None:
    """A larger budget thinks nothing twice."""
    model = Scripted(EARLY, after={86: (7, END), 81: (5, END)})
    state = State(Trace(EARLY, ended=True), waited=(1, 2, 3, 85, 86, 7))
    (run,) = ask(model, names.BUDGET_FORCING_WAIT, [9], FREE, state)
    assert tokens(model, run) == [1, 2, 3, 85, 86, 7, 1, 2, 85, 80, 81, 5, END]
    assert model.asked[0][0] == (1, 2, 3, 85, 86, 7)
    near = Scripted(EARLY, after={81: (5, END)})
    ask(near, names.BUDGET_FORCING_WAIT, [6], FREE, state)
    assert len(near.asked) == 1


@pytest.mark.parametrize("method", [names.TAG_CAPPED, names.BUDGET_FORCING])
def test_a_model_with_tags_is_cut_by_its_tag(method: str) -> None:
    """Put in at the budget; where the model closed before, its own answer stands, and is told from thinking."""
    model = Scripted(THOUGHT)
    after, at, before = ask(model, method, [9, 5, 3], TAGGED)
    assert tokens(model, after) == [*THOUGHT]
    assert (after.thinking_tokens, after.hint_tokens, after.answer_tokens, after.cut) == (5, 0, 4, False)
    put_in = {names.TAG_CAPPED: [61, TAG], names.BUDGET_FORCING: [61, TAG, 81]}[method]
    assert tokens(model, at) == [1, 2, 3, 4, 5, *put_in, 1, 2, END]
    assert tokens(model, before) == [1, 2, 3, *put_in, 1, 2, END]
    # One trace, and one answer for each that was cut.
    assert len(model.asked) == 3


def test_an_answer_after_a_tag_has_no_more_than_its_tokens() -> None:
    """As after a hint."""
    model = Scripted((1, 2, TAG, *range(20, 40), END))
    (run,) = ask(model, names.TAG_CAPPED, [4], TAGGED)
    assert tokens(model, run) == [1, 2, TAG, *range(20, 26)]
    assert (run.thinking_tokens, run.answer_tokens) == (2, 7)


def test_waiting_takes_a_models_closing_tag_away() -> None:
    """Thinking ends there, not where the turn does."""
    model = Scripted(THOUGHT, after={85: (7, TAG, 9), 81: (5, END)})
    (run,) = ask(model, names.BUDGET_FORCING_WAIT, [9], TAGGED)
    assert tokens(model, run) == [1, 2, 3, 4, 5, 85, 7, 85, 7, 61, TAG, 81, 5, END]


def test_two_passes_are_the_window_without_grace() -> None:
    """Same prompt and limits for both; with grace they differ."""
    asks = [Ask(method, Window(8, (70,), 8 + 4 + 1 + 6, 4)) for method in (names.WINDOW, names.TWO_PASS)]
    model = Scripted([*range(1, 10), 50, *range(11, 40)])
    windowed, two_pass = asyncio.run(finished(model, asks, FREE, NOTHING))
    assert tokens(model, two_pass) == [*range(1, 9), 70, 1, 2, END]
    assert tokens(model, windowed) == [*range(1, 10), 50, 70, 1, 2, END]
    assert model.limits[2:] == [8 + 4 + 6 - 10, 6]


def test_an_uncapped_run_has_all_the_context() -> None:
    """Its thinking ends at the model's tag, if it has one."""
    asks = [Ask(names.UNCAPPED, Window(NO_CAP, (), None))]

    model = Scripted(range(1, 200))
    (free,) = asyncio.run(finished(model, asks, FREE, NOTHING))
    assert free.thinking_tokens == 62 == model.limits[0]
    (tagged,) = asyncio.run(finished(Scripted(THOUGHT), asks, TAGGED, NOTHING))
    assert (tagged.thinking_tokens, tagged.answer_tokens) == (5, 4)
