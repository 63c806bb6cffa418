"""The accounting joins responses and streams, per choice and in all."""

import json
from typing import Any

import pytest

from z1ray.serving.window.accounting import StreamAccounting, annotate, server_sent_event
from z1ray.serving.window.transcript import CapBroken, OutputSpec
from z1ray.window import Accounting, Window

# Tokens that read as one letter each: thinking, the hint "HI", an answer.
LETTERS = {1: "t", 7: "H", 8: "I", 2: "a"}
CUT = [1, 1, 1, 7, 8, 2, 2]
COUNTS: dict[str, Any] = {"thinking_tokens": 3, "hint_tokens": 2, "cut": True, "hint_start": 3, "answer_start": 5}
COUNTS |= {"budget": 3, "bounded_by": "load"}


def decode(token_ids: Any) -> str:
    return "".join(LETTERS[token] for token in token_ids)


SPEC = OutputSpec(Window(3, (7, 8), 10), (), decode, answer_only=False, bounded_by="load")


class Seen:
    """What an observer is told."""

    def __init__(self) -> None:
        self.written: list[tuple[int, int]] = []
        self.ended: dict[int, Accounting] = {}

    def wrote(self, index: int, num_tokens: int) -> None:
        """Each chunk of a stream."""
        self.written.append((index, num_tokens))

    def finished(self, index: int, accounting: Accounting) -> None:
        """Each choice, once."""
        self.ended[index] = accounting


def streamed(keep_token_ids: bool = False, seen: Seen | None = None) -> StreamAccounting:
    return StreamAccounting(SPEC, seen or Seen(), keep_token_ids=keep_token_ids)


def response(*runs: list[int]) -> dict[str, Any]:
    choices = [{"index": index, "text": decode(run), "token_ids": run} for index, run in enumerate(runs)]
    return {"prompt_token_ids": [5], "choices": choices, "usage": {"completion_tokens": sum(map(len, runs))}}


def test_a_response_carries_thinking_per_choice_and_reasoning_tokens_in_all() -> None:
    """With n > 1 each choice has its own counts; the usage is their sum."""
    seen = Seen()
    body = annotate(response(CUT, [1, 1]), SPEC, seen, keep_token_ids=False)
    assert body["choices"][0] == {"index": 0, "text": "tttHIaa", "thinking": {**COUNTS, "answer_tokens": 2}}
    uncut = body["choices"][1]["thinking"]
    assert (uncut["thinking_tokens"], uncut["hint_start"], uncut["answer_start"]) == (2, None, 0)
    assert body["usage"] == {"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 5}}
    assert "prompt_token_ids" not in body
    assert seen.ended == {0: Accounting(3, 2, 2, cut=True), 1: Accounting(2, 0, 0, cut=False)}


DETAILS = {"audio_tokens": 0, "accepted_prediction_tokens": 3}


def test_other_details_of_the_usage_stay() -> None:
    """Clients count by them; whole or streamed, the window adds one number and takes none away."""
    usage = {"prompt_tokens": 4, "completion_tokens_details": DETAILS, "prompt_tokens_details": {"cached_tokens": 4}}
    expected = {**usage, "completion_tokens_details": {**DETAILS, "reasoning_tokens": 3}}
    assert annotate({**response(CUT), "usage": usage}, SPEC, Seen(), keep_token_ids=False)["usage"] == expected
    (last,) = events(streamed(), chunk(0, CUT, "stop", usage=usage))
    assert last["usage"] == expected


def test_a_hint_that_went_with_the_prompt_is_in_the_answer() -> None:
    """The engine counts it as prompt and returns none of it; to the client it is what its window promised."""
    spec = OutputSpec(Window(0, (7, 8), 9), (), decode, answer_only=False, constrained=True, beginning=(7, 8))
    usage = {"prompt_tokens": 6, "completion_tokens": 4, "total_tokens": 10}
    whole = {**response([2, 2], [1, 2]), "prompt_token_ids": [5, 7, 8], "usage": usage}
    expected = {"budget": 0, "thinking_tokens": 0, "hint_tokens": 2, "answer_tokens": 2, "answer_start": 2}
    body = annotate(whole, spec, Seen(), keep_token_ids=True)
    assert [choice["text"] for choice in body["choices"]] == ["HIaa", "HIta"]
    assert [choice["token_ids"] for choice in body["choices"]] == [[7, 8, 2, 2], [7, 8, 1, 2]]
    assert all(choice["thinking"].items() >= expected.items() for choice in body["choices"])
    assert body["prompt_token_ids"] == [5]
    totals = {"prompt_tokens": 4, "completion_tokens": 8, "total_tokens": 12}
    assert body["usage"] == {**totals, "completion_tokens_details": {"reasoning_tokens": 0}}
    stream = StreamAccounting(spec, Seen(), keep_token_ids=False)
    end = server_sent_event({"choices": [], "usage": usage})
    pieces = events(stream, *(chunk(index, run, "stop") for index, run in enumerate(([2, 2], [1, 2]))), end)
    assert [piece["choices"][0]["delta"]["content"] for piece in pieces[:2]] == ["HIaa", "HIta"]
    assert pieces[2]["usage"] == body["usage"]


def test_a_tool_call_comes_after_the_hint() -> None:
    """Its text is no content; the hint still is, in the first piece, whatever that holds."""
    spec = OutputSpec(Window(0, (7, 8), 9), (), decode, answer_only=False, beginning=(7, 8))
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}
    for holder, ending in (("message", {}), ("delta", {"finish_reason": "tool_calls"})):
        stream = StreamAccounting(spec, Seen(), keep_token_ids=False)
        choice = stream.choice({"index": 0, holder: call, "token_ids": [2, 2], **ending}, ended=True)
        assert choice[holder] == {**call, "content": "HI"}
        assert (choice["thinking"]["hint_tokens"], choice["thinking"]["answer_tokens"]) == (2, 2)


def test_an_answer_that_a_grammar_shapes_is_not_billed_as_thinking() -> None:
    """A plain JSON answer thinks nothing, whole or streamed."""
    spec = OutputSpec(Window(-1, (7, 8), None), (), decode, answer_only=False, constrained=True)
    expected = {"thinking_tokens": 0, "answer_tokens": 3, "cut": False}
    body = annotate(response([1, 1, 2]), spec, Seen(), keep_token_ids=False)
    assert body["choices"][0]["thinking"].items() >= expected.items()
    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] == 0
    stream = StreamAccounting(spec, Seen(), keep_token_ids=False)
    (last,) = events(stream, chunk(0, [1, 1, 2], "stop", usage={} | {"completion_tokens": 3}))
    assert last["choices"][0]["thinking"].items() >= expected.items()
    assert last["usage"]["completion_tokens_details"]["reasoning_tokens"] == 0


CALL = {"id": "call-1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize("answer_only", [False, True])
def test_a_tool_call_passes_as_it_is(answer_only: bool) -> None:
    """It is the choice's whole content: an empty text beside it, or in its place, would break the client."""
    spec = OutputSpec(Window(-1, (7, 8), None), (), decode, answer_only)
    message = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    whole: dict[str, Any] = {"choices": [{"index": 0, "message": message, "token_ids": [1, 2]}], "usage": {}}
    (choice,) = annotate(whole, spec, Seen(), keep_token_ids=False)["choices"]
    assert choice["message"] == message
    assert choice["thinking"]["thinking_tokens"] == 2
    stream = StreamAccounting(spec, Seen(), keep_token_ids=False)
    delta = {"tool_calls": [{"index": 0, **CALL}]}
    piece = {"index": 0, "delta": delta, "token_ids": [1, 2], "finish_reason": "tool_calls"}
    (last,) = events(stream, server_sent_event({"choices": [piece]}))
    assert last["choices"][0]["delta"] == delta
    assert last["choices"][0]["thinking"]["thinking_tokens"] == 2


def test_token_ids_stay_where_the_client_asked_for_them() -> None:
    """They are ours to count and the client's to keep."""
    given = response(CUT)
    body = annotate(given, SPEC, Seen(), keep_token_ids=True)
    assert body["choices"][0]["token_ids"] == CUT
    assert body["prompt_token_ids"] == [5]
    assert given == response(CUT), "the caller's response was changed"


def test_a_chats_text_is_its_message() -> None:
    """Chats nest their text; answer_only has to reach it there."""
    message = {"role": "assistant", "content": "tttHIaa"}
    chat: dict[str, Any] = {"choices": [{"index": 0, "message": message, "token_ids": CUT}]}
    only = OutputSpec(SPEC.window, (), decode, answer_only=True)
    body = annotate({**chat, "usage": {}}, only, Seen(), keep_token_ids=False)
    assert body["choices"][0]["message"] == {"role": "assistant", "content": "aa"}
    assert body["choices"][0]["thinking"]["answer_start"] == 0
    assert message["content"] == "tttHIaa", "the caller's response was changed"


def chunk(index: int, token_ids: list[int], finish: str | None = None, **more: Any) -> str:
    choice = {"index": index, "delta": {"content": decode(token_ids)}, "token_ids": token_ids, "finish_reason": finish}
    return server_sent_event({"choices": [choice], **more})


def events(stream: StreamAccounting, *sent: str) -> list[dict[str, Any]]:
    return [json.loads(stream.event(event).removeprefix("data: ")) for event in sent]


def test_in_a_stream_thinking_joins_the_last_chunk_of_each_choice() -> None:
    """Choices interleave, and their tokens arrive in pieces; each is counted by itself."""
    seen = Seen()
    stream = streamed(seen=seen)
    first, second, short, last = events(
        stream, chunk(0, [1, 1]), chunk(1, [1]), chunk(1, [1], "stop"), chunk(0, [1, 7, 8, 2], "length")
    )
    assert "thinking" not in first["choices"][0]
    assert "thinking" not in second["choices"][0]
    assert short["choices"][0]["thinking"]["thinking_tokens"] == 2
    assert last["choices"][0]["thinking"] == {**COUNTS, "answer_tokens": 1}
    assert last["choices"][0]["delta"] == {"content": "tHIa"}
    assert "token_ids" not in last["choices"][0]
    usage = events(stream, server_sent_event({"choices": [], "usage": {"completion_tokens": 8}}))[0]["usage"]
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 5}
    assert seen.written == [(0, 2), (1, 1), (1, 1), (0, 4)]
    assert set(seen.ended) == {0, 1}


def test_continuous_usage_counts_the_choice_it_comes_with() -> None:
    """A running total over all choices would not fit the completion_tokens beside it."""
    stream = streamed(keep_token_ids=True)
    usage = {"completion_tokens": 1}
    events(stream, chunk(0, [1, 1], usage=usage))
    chunk_of_second = events(stream, chunk(1, [1], usage=usage))[0]
    assert chunk_of_second["usage"]["completion_tokens_details"] == {"reasoning_tokens": 1}
    assert chunk_of_second["choices"][0]["token_ids"] == [1]


@pytest.mark.parametrize("event", ["data: [DONE]\n\n", 'data: {"error":{"message":"boom","code":500}}\n\n'])
def test_other_events_pass_unchanged(event: str) -> None:
    """The end mark and errors are not chunks; a client waits for exactly these bytes."""
    assert streamed().event(event) == event


def test_a_broken_cap_ends_a_stream_with_an_error() -> None:
    """The last chunk is the only place left to say so."""
    with pytest.raises(CapBroken):
        streamed().event(chunk(0, [1, 1, 1, 1], "stop"))
