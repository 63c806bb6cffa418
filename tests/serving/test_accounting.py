"""Counts come from token ids, add up, and never call a run cut that was not."""

import json
from typing import Any

import pytest

from z1ray.serving.accounting import CapBroken, StreamAccounting, annotate, measure, server_sent_event
from z1ray.window import Accounting, Window

WINDOW = Window(3, (7, 8), 10)
THOUGHT, CUT, IN_HINT = [1, 1, 1], [1, 1, 1, 7, 8, 2, 2], [1, 1, 1, 7]


@pytest.mark.parametrize(
    ("token_ids", "expected"),
    [
        ([], Accounting(0, 0, 0, cut=False)),
        (THOUGHT, Accounting(3, 0, 0, cut=False)),
        (IN_HINT, Accounting(3, 1, 0, cut=True)),
        (CUT, Accounting(3, 2, 2, cut=True)),
    ],
)
def test_tokens_divide_into_thinking_hint_and_answer(token_ids: list[int], expected: Accounting) -> None:
    """The three counts add up to the run's length, also where a stop string ended it inside the hint."""
    assert measure(WINDOW, token_ids) == expected


@pytest.mark.parametrize("token_ids", [[1, 1, 1, 1], [1, 1, 1, 7, 9], [1, 1, 7, 8, 2]])
def test_a_run_past_its_budget_without_the_hint_is_never_reported_as_cut(token_ids: list[int]) -> None:
    """An engine without the processor would otherwise look as if it enforced the cap."""
    with pytest.raises(CapBroken, match="thinking budget 3"):
        measure(WINDOW, token_ids)


def test_without_a_cap_everything_is_thinking() -> None:
    """Z1 averages uncut runs as thinking throughout; hint tokens in them are the model's own."""
    assert measure(Window(-1, (7, 8), None), CUT) == Accounting(7, 0, 0, cut=False)


def response(*runs: list[int]) -> dict[str, Any]:
    choices = [{"index": index, "text": "t", "token_ids": run} for index, run in enumerate(runs)]
    return {"prompt_token_ids": [5], "choices": choices, "usage": {"completion_tokens": sum(map(len, runs))}}


def test_a_response_carries_thinking_per_choice_and_reasoning_tokens_in_all() -> None:
    """With n > 1 each choice has its own counts; the usage is their sum."""
    body = annotate(response(CUT, [1, 1]), WINDOW, keep_token_ids=False)
    counts = {"budget": 3, "thinking_tokens": 3, "hint_tokens": 2, "answer_tokens": 2, "cut": True}
    assert body["choices"][0] == {"index": 0, "text": "t", "thinking": counts}
    assert body["choices"][1]["thinking"]["thinking_tokens"] == 2
    assert body["usage"] == {"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 5}}
    assert "prompt_token_ids" not in body


def test_token_ids_stay_where_the_client_asked_for_them() -> None:
    """They are ours to count and the client's to keep."""
    given = response(CUT)
    body = annotate(given, WINDOW, keep_token_ids=True)
    assert body["choices"][0]["token_ids"] == CUT
    assert body["prompt_token_ids"] == [5]
    assert given == response(CUT), "the caller's response was changed"


def chunk(index: int, token_ids: list[int], finish: str | None = None, **more: Any) -> str:
    choice = {"index": index, "delta": {"content": "é"}, "token_ids": token_ids, "finish_reason": finish}
    return server_sent_event({"choices": [choice], **more})


def events(stream: StreamAccounting, *sent: str) -> list[dict[str, Any]]:
    return [json.loads(stream.event(event).removeprefix("data: ")) for event in sent]


def test_in_a_stream_thinking_joins_the_last_chunk_of_each_choice() -> None:
    """Choices interleave, and their tokens arrive in pieces; each is counted by itself."""
    stream = StreamAccounting(WINDOW, keep_token_ids=False)
    first, second, short, last = events(
        stream, chunk(0, [1, 1]), chunk(1, [1]), chunk(1, [1], "stop"), chunk(0, [1, 7, 8, 2], "length")
    )
    assert "thinking" not in first["choices"][0]
    assert "thinking" not in second["choices"][0]
    assert short["choices"][0]["thinking"]["thinking_tokens"] == 2
    assert last["choices"][0]["thinking"] == {
        "budget": 3,
        "thinking_tokens": 3,
        "hint_tokens": 2,
        "answer_tokens": 1,
        "cut": True,
    }
    assert last["choices"][0]["delta"] == {"content": "é"}
    assert "token_ids" not in last["choices"][0]
    usage = events(stream, server_sent_event({"choices": [], "usage": {"completion_tokens": 8}}))[0]["usage"]
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 5}


def test_continuous_usage_counts_the_choice_it_comes_with() -> None:
    """A running total over all choices would not fit the completion_tokens beside it."""
    stream = StreamAccounting(WINDOW, keep_token_ids=True)
    usage = {"completion_tokens": 1}
    events(stream, chunk(0, [1, 1], usage=usage))
    chunk_of_second = events(stream, chunk(1, [1], usage=usage))[0]
    assert chunk_of_second["usage"]["completion_tokens_details"] == {"reasoning_tokens": 1}
    assert chunk_of_second["choices"][0]["token_ids"] == [1]


@pytest.mark.parametrize("event", ["data: [DONE]\n\n", 'data: {"error":{"message":"boom","code":500}}\n\n'])
def test_other_events_pass_unchanged(event: str) -> None:
    """The end mark and errors are not chunks; a client waits for exactly these bytes."""
    assert StreamAccounting(WINDOW, keep_token_ids=False).event(event) == event


def test_a_broken_cap_ends_a_stream_with_an_error() -> None:
    """The last chunk is the only place left to say so."""
    with pytest.raises(CapBroken):
        StreamAccounting(WINDOW, keep_token_ids=False).event(chunk(0, [1, 1, 1, 1], "stop"))
