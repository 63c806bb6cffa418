"""The endpoint as clients see it: the real ``openai`` client against the real small model."""

from typing import Any

import openai
import pytest

from tests.serving.conftest import MODEL, Served
from z1ray.engine.tokens import text_token_ids
from z1ray.window import CODE_HINT, MATH_HINT

pytestmark = [pytest.mark.ray, pytest.mark.vllm]

LONG: Any = [{"role": "user", "content": "Explain how binary search works."}]
SHORT: Any = [{"role": "user", "content": "What is 2+2? Answer with one number only."}]


def ask(served: Served, messages: Any = LONG, /, **fields: Any) -> dict[str, Any]:
    """One greedy chat; z1ray's own fields travel in ``extra_body`` as clients must send them."""
    known = {name: fields.pop(name) for name in list(fields) if name in {"max_tokens", "n", "seed", "temperature"}}
    request = {"model": MODEL, "messages": messages, "temperature": 0.0, **known}
    answer = served.api.chat.completions.create(**request, extra_body=fields)
    return dict(answer.model_dump())


def hint_ids(served: Served, text: str = CODE_HINT) -> list[int]:
    return list(text_token_ids(served.config.models[MODEL], text))


@pytest.fixture(scope="module")
def uncapped(served: Served) -> dict[str, Any]:
    """What the model writes on its own, with its token ids."""
    return ask(served, max_tokens=48, thinking_budget=-1, return_token_ids=True)


def test_without_a_cap_nothing_is_forced(served: Served, uncapped: dict[str, Any]) -> None:
    """-1 leaves the model alone and counts everything as thinking."""
    choice = uncapped["choices"][0]
    assert choice["thinking"] == {
        "budget": -1,
        "thinking_tokens": 48,
        "hint_tokens": 0,
        "answer_tokens": 0,
        "cut": False,
    }
    assert "overthought" not in choice["message"]["content"]


@pytest.mark.parametrize("budget", [0, 1, 10])
def test_a_budget_cuts_exactly(served: Served, uncapped: dict[str, Any], budget: int) -> None:
    """Up to the budget the run is the uncapped one, then comes the hint, then an answer; one token off is a bug."""
    hint = hint_ids(served)
    body = ask(served, thinking_budget=budget, return_token_ids=True)
    choice = body["choices"][0]
    assert choice["token_ids"][:budget] == uncapped["choices"][0]["token_ids"][:budget]
    assert choice["token_ids"][budget : budget + len(hint)] == hint
    answer_tokens = served.config.window.answer_tokens
    assert choice["thinking"] == {
        "budget": budget,
        "thinking_tokens": budget,
        "hint_tokens": len(hint),
        "answer_tokens": answer_tokens,
        "cut": True,
    }
    assert body["usage"]["completion_tokens"] == budget + len(hint) + answer_tokens
    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] == budget
    assert CODE_HINT in choice["message"]["content"]


def test_a_request_that_knows_nothing_of_windows_is_capped_too(served: Served) -> None:
    """Any OpenAI client gets the model's default budget, and none of our extras it did not ask for."""
    choice = ask(served)["choices"][0]
    assert choice["thinking"]["budget"] == served.config.window.default_budget
    assert choice["thinking"]["cut"]
    assert choice["token_ids"] is None


def test_a_run_that_ends_early_is_not_cut(served: Served) -> None:
    """Weak reasoning for a simple problem: the whole answer, no hint."""
    choice = ask(served, SHORT, thinking_budget=100)["choices"][0]
    assert choice["finish_reason"] == "stop"
    assert choice["thinking"]["cut"] is False
    assert 0 < choice["thinking"]["thinking_tokens"] < 100
    assert "4" in choice["message"]["content"]
    assert "overthought" not in choice["message"]["content"]


def test_a_request_picks_its_hint_by_name(served: Served) -> None:
    """The boxed variant for mathematics is one word in the request."""
    choice = ask(served, thinking_budget=3, hint="math")["choices"][0]
    assert MATH_HINT in choice["message"]["content"]
    assert choice["thinking"]["hint_tokens"] == len(hint_ids(served, MATH_HINT))


def test_several_choices_are_cut_and_counted_each(served: Served) -> None:
    """N > 1 samples different texts under one window; the usage is their sum."""
    body = ask(served, n=2, seed=1, temperature=1.0, thinking_budget=6, min_tokens=6, return_token_ids=True)
    first, second = body["choices"]
    assert first["token_ids"][:6] != second["token_ids"][:6]
    for choice in (first, second):
        assert choice["token_ids"][6 : 6 + choice["thinking"]["hint_tokens"]] == hint_ids(served)
        assert choice["thinking"]["thinking_tokens"] == 6
    assert body["usage"]["completion_tokens"] == len(first["token_ids"]) + len(second["token_ids"])
    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] == 12


def test_a_stop_string_inside_the_hint_ends_the_run_there(served: Served) -> None:
    """The hint begins with a blank line, a common stop string; the counts still add up."""
    body = ask(served, thinking_budget=5, stop=["\n\n"])
    counts = body["choices"][0]["thinking"]
    assert counts["thinking_tokens"] + counts["hint_tokens"] == body["usage"]["completion_tokens"]
    assert counts["cut"]
    assert counts["answer_tokens"] == 0


@pytest.mark.parametrize("budget", [-1, 7])
def test_a_stream_says_the_same_as_a_whole_response(served: Served, budget: int) -> None:
    """Content to the byte, the thinking object in the last chunk, usage when asked for, no token ids."""
    whole = ask(served, max_tokens=40, thinking_budget=budget)
    stream = served.api.chat.completions.create(
        model=MODEL,
        messages=LONG,
        temperature=0.0,
        max_tokens=40,
        stream=True,
        stream_options={"include_usage": True},
        extra_body={"thinking_budget": budget},
    )
    chunks = [chunk.model_dump() for chunk in stream]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    content = "".join(choice["delta"]["content"] or "" for choice in choices)
    assert content == whole["choices"][0]["message"]["content"]
    assert [choice["thinking"] for choice in choices if "thinking" in choice] == [whole["choices"][0]["thinking"]]
    assert choices[-1]["finish_reason"] == whole["choices"][0]["finish_reason"]
    assert chunks[-1]["usage"]["completion_tokens"] == whole["usage"]["completion_tokens"]
    assert (
        chunks[-1]["usage"]["completion_tokens_details"]["reasoning_tokens"]
        == whole["usage"]["completion_tokens_details"]["reasoning_tokens"]
    )
    assert not any("token_ids" in choice for choice in choices)
    assert len(choices) > 10, "the stream came in one piece"


def test_plain_completions_have_the_window_too(served: Served) -> None:
    """A list of prompts, no limit sent: OpenAI's default of 16 tokens must not stand in the way of the hint."""
    answer = served.api.completions.create(
        model=MODEL, prompt=["def add(a, b):", "Once upon a time"], temperature=0.0, extra_body={"thinking_budget": 4}
    )
    body = answer.model_dump()
    for choice in body["choices"]:
        assert CODE_HINT in choice["text"]
        assert choice["thinking"]["thinking_tokens"] == 4
        assert choice["thinking"]["answer_tokens"] == served.config.window.answer_tokens
    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] == 8


def test_plain_completions_stream(served: Served) -> None:
    """The other wire format carries the same object."""
    stream = served.api.completions.create(
        model=MODEL, prompt="def add(a, b):", temperature=0.0, stream=True, extra_body={"thinking_budget": 4}
    )
    choices = [choice for chunk in stream for choice in chunk.model_dump()["choices"]]
    assert CODE_HINT in "".join(choice["text"] for choice in choices)
    assert choices[-1]["thinking"]["cut"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("thinking_budget", {"thinking_budget": -2}),
        ("thinking_budget", {"thinking_budget": True}),
        ("thinking_budget", {"thinking_budget": "64"}),
        ("thinking_budget", {"thinking_budget": 0.5}),
        ("thinking_budget", {"thinking_budget": 10**30}),
        ("hint", {"hint": "mathematics"}),
        ("max_tokens", {"thinking_budget": 10, "max_tokens": 24}),
        ("max_completion_tokens", {"thinking_budget": 10, "max_completion_tokens": 24}),
        ("max_tokens", {"thinking_budget": 10, "max_tokens": 100_000}),
        ("vllm_xargs.thinking_budget", {"vllm_xargs": {"thinking_budget": 900}}),
        ("vllm_xargs.hint_token_ids", {"thinking_budget": -1, "vllm_xargs": {"hint_token_ids": [1]}}),
        ("response_format", {"response_format": {"type": "json_object"}}),
        ("use_beam_search", {"use_beam_search": True}),
    ],
)
def test_a_bad_request_is_a_400_that_names_the_field(
    served: Served, field: str, fields: dict[str, Any], stream: bool
) -> None:
    """Never a 500, never a cap that is accepted and then not enforced, streaming or not."""
    with pytest.raises(openai.BadRequestError) as caught:
        ask(served, stream=stream, **fields)
    assert caught.value.param == field
    assert field.split(".")[-1] in caught.value.message


def test_a_prompt_beyond_the_context_is_a_400(served: Served) -> None:
    """The prompt is known to be too long only after it is tokenized, inside the engine's process."""
    with pytest.raises(openai.BadRequestError, match="maximum context length is 1024"):
        ask(served, [{"role": "user", "content": "word " * 1200}], thinking_budget=5)


def test_an_unknown_model_is_a_404_in_openais_shape(served: Served) -> None:
    """Clients print ``error.message``; Ray's own answer has none."""
    with pytest.raises(openai.NotFoundError) as caught:
        served.api.chat.completions.create(model="gpt", messages=LONG)
    assert caught.value.param == "model"
    assert "gpt" in caught.value.message


def test_other_sampling_options_do_not_disturb_the_hint(served: Served) -> None:
    """Bans, biases and penalties act on the logits too; the forced tokens win over all of them."""
    hint = hint_ids(served)
    body = ask(
        served,
        thinking_budget=4,
        return_token_ids=True,
        logit_bias={str(hint[1]): -100.0},
        bad_words=["overthought"],
        repetition_penalty=1.5,
        frequency_penalty=1.0,
        logprobs=True,
        top_logprobs=2,
    )
    choice = body["choices"][0]
    assert choice["token_ids"][4 : 4 + len(hint)] == hint
    assert len(choice["logprobs"]["content"]) == len(choice["token_ids"])
