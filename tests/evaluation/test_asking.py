"""A question is thought through once, and every budget's answer branches from that."""

import asyncio
from typing import Any

import pytest

from tests.evaluation.scripted import END, NEWLINE, Scripted
from z1ray.engine.tokens import text_token_ids
from z1ray.evaluation.asking import Asking, answered_row
from z1ray.evaluation.methods.marks import Marks
from z1ray.evaluation.methods.names import WINDOW
from z1ray.evaluation.requests import Sweep
from z1ray.records import Row
from z1ray.window import CODE_HINT, NO_CAP, Window

HINT = (70, 71)
LONG = (*range(1, 31), END)
MARKS = Marks(tag=(), closing_text="", closing=(), final_text="", final=(80, 81), wait=(85,))


def swept(budgets: list[int], grace: float = 0.0, hint: tuple[int, ...] = HINT) -> Sweep:
    windows = {}
    for budget in budgets:
        extra = int(budget * grace) if budget != NO_CAP else 0
        limit = None if budget == NO_CAP else budget + extra + len(hint) + 5
        windows["b", budget] = Window(budget, hint, limit, extra)
    return Sweep("m", windows, frozenset({NEWLINE}), frozenset({END}), MARKS, context=64)


def ask(model: Scripted, budgets: list[int], trace: tuple[int, ...] = (), grace: float = 0.0) -> Row:
    request = {
        "benchmark": "b",
        "problem_id": "p",
        "sample": 0,
        "methods": [WINDOW] * len(budgets),
        "budgets": budgets,
        "trace": list(trace),
        "waited": [],
        "draws": [],
        "tokenized_prompt": list(model.prompt),
        "sampling_params": {"temperature": 0.5},
    }
    return asyncio.run(Asking(swept(budgets, grace), seed=3)(request, model))


def tokens(told: Row) -> dict[int, list[int]]:
    """Each budget's run."""
    return {run["thinking_budget"]: [*told["trace"][: run["kept"]], *run["added"]] for run in told["runs"]}


def test_one_trace_serves_all_budgets() -> None:
    """Thought through once, to the largest budget; then each answer, and nothing else, is generated."""
    model = Scripted(LONG)
    told = ask(model, [8, 4, 0])
    assert told["trace"] == list(range(1, 9))
    assert tokens(told) == {
        8: [*range(1, 9), *HINT, 1, 2, END],
        4: [*range(1, 5), *HINT, 1, 2, END],
        0: [*HINT, 1, 2, END],
    }
    assert told["num_generated"] == 8 + 3 * 3
    assert model.limits == [8, 5, 5, 5]
    assert [run["cut"] for run in told["runs"]] == [True] * 3
    assert len({sampling["seed"] for _, sampling in model.asked}) == 4


def test_a_trace_that_ended_is_the_answer_under_each_budget_it_fits() -> None:
    """Its last token may be the budget's last."""
    told = ask(Scripted([1, 2, 3, 4, END]), [8, 5, 4])
    assert tokens(told) == {8: [1, 2, 3, 4, END], 5: [1, 2, 3, 4, END], 4: [1, 2, 3, 4, *HINT, 1, 2, END]}
    counts = {run["thinking_budget"]: (run["thinking_tokens"], run["hint_tokens"]) for run in told["runs"]}
    assert counts == {8: (5, 0), 5: (5, 0), 4: (4, 2)}
    assert told["num_generated"] == 5 + 3


def test_a_budget_more_goes_on_where_the_trace_stands() -> None:
    """Nothing is thought twice: neither for a smaller budget nor for a larger one, which takes the trace's prefix."""
    first = ask(Scripted(LONG), [8])
    model = Scripted(LONG)
    smaller = ask(model, [4], tuple(first["trace"]))
    assert (smaller["trace"], smaller["num_generated"], len(model.asked)) == (first["trace"], 3, 1)
    larger = ask(Scripted(LONG), [12], tuple(first["trace"]))
    assert larger["trace"] == list(range(1, 13))
    assert larger["num_generated"] == 4 + 3
    ended = Scripted(())
    assert tokens(ask(ended, [NO_CAP, 9], (1, 2, END))) == {NO_CAP: [1, 2, END], 9: [1, 2, END]}
    assert ended.asked == []


def test_without_a_cap_the_trace_has_the_whole_context() -> None:
    """And the other budgets branch from it."""
    model = Scripted(range(1, 200))
    told = ask(model, [NO_CAP, 3])
    assert model.limits[0] == 64 - len(model.prompt) == len(told["trace"])
    assert tokens(told)[3] == [1, 2, 3, *HINT, 1, 2, END]


def test_draws_do_not_depend_on_how_far_a_trace_goes() -> None:
    """Budgets share their random numbers, asked together or apart."""
    near, far = Scripted(LONG), Scripted(LONG)
    ask(near, [4])
    ask(far, [8, 4])
    assert near.asked[0][1]["seed"] == far.asked[0][1]["seed"]
    assert near.asked[1][1]["seed"] == far.asked[2][1]["seed"]


def test_grace_carries_the_trace_on_to_the_end_of_the_line() -> None:
    """And no further; a smaller budget has its own line end within it."""
    model = Scripted([1, 2, 3, NEWLINE, 5, 6, 7, 8, 9, NEWLINE, 11, 12, END])
    told = ask(model, [8, 3], grace=0.5)
    assert told["trace"] == [1, 2, 3, NEWLINE, 5, 6, 7, 8, 9, NEWLINE]
    assert tokens(told)[3] == [1, 2, 3, NEWLINE, *HINT, 1, 2, END]
    assert {run["thinking_budget"]: run["thinking_tokens"] for run in told["runs"]} == {8: 10, 3: 4}
    late = ask(Scripted([*range(1, 30), END]), [8], grace=0.5)
    assert len(late["trace"]) == 12


@pytest.fixture
def row() -> dict[str, Any]:
    """An answered request: a run of its own end, and one that was cut."""
    own = {"method": WINDOW, "kept": 2, "added": [], "thinking_tokens": 2, "hint_tokens": 0, "answer_tokens": 0}
    return {
        "request_id": "m#p#8#0",
        "benchmark": "b",
        "problem_id": "p",
        "sample": 0,
        "trace": [0, 0],
        "waited": [],
        "draws": [],
        "num_generated": 2,
        "runs": [{**own, "cut": False, "sample": 0, "thinking_budget": 8}],
        "error": None,
    }


def test_rows_tell_a_run_whole(tiny_model: Any, row: Row) -> None:
    """Text with the hint in its place, counts, and why it ended."""
    model = str(tiny_model)
    hint, thinking, answer = (text_token_ids(model, text) for text in (CODE_HINT, "one two three four", "five"))
    counts = {"thinking_tokens": 3, "hint_tokens": len(hint), "answer_tokens": len(answer), "cut": True}
    cut = {"method": WINDOW, "sample": 0, "kept": 3, "added": [*hint, *answer], "thinking_budget": 3, **counts}
    runs = [*row["runs"], cut]
    end = thinking[1]
    sweep = Sweep("m", {}, frozenset(), frozenset({end}), MARKS, 64)
    done = answered_row({**row, "trace": list(thinking), "runs": runs}, swept=sweep, model=model)
    whole, short = done["answers"]
    assert (whole["row_id"], whole["text"], whole["finish_reason"]) == ("m#p#8#0", "one two", "stop")
    assert short["text"] == "one two three" + CODE_HINT + "five"
    assert (short["row_id"], short["thinking_budget"], short["finish_reason"]) == ("m#p#3#0", 3, "length")
    assert (short["thinking_tokens"], short["hint_tokens"], short["answer_tokens"]) == (3, len(hint), len(answer))
    assert {answer["method"] for answer in done["answers"]} == {"shifted_thinking_window"}


def test_a_refused_request_ends_the_run(row: Row) -> None:
    """A curve has no holes."""
    with pytest.raises(RuntimeError, match="too hot"):
        answered_row({**row, "error": "too hot"}, swept=swept([8]), model="m")
