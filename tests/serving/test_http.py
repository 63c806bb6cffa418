"""The endpoint as clients see it: the real ``openai`` client against the real small model, or noise where that does."""

from typing import Any

import pytest

from tests.serving.chats import LONG, SHORT, ask, ask_stream
from tests.serving.conftest import MODEL, TINY, Served
from z1ray.engine.tokens import newline_token_ids, text_token_ids
from z1ray.window import CODE_HINT, MATH_HINT

pytestmark = [pytest.mark.ray, pytest.mark.vllm]


def hint_ids(served: Served, text: str = CODE_HINT) -> list[int]:
    return list(text_token_ids(served.config.models[TINY], text))


FREE = 60


@pytest.fixture(scope="module")
def free(served: Served) -> dict[str, Any]:
    """What the model writes on its own, for ``FREE`` tokens, with its token ids."""
    return ask(served, thinking_budget=FREE, max_tokens=FREE + 15, ignore_eos=True, return_token_ids=True)


def test_without_a_cap_nothing_is_forced(served: Served) -> None:
    """-1 leaves the model alone and counts everything as thinking."""
    choice = ask(served, max_tokens=48, thinking_budget=-1, ignore_eos=True)["choices"][0]
    assert choice["thinking"] == {
        "budget": -1,
        "bounded_by": "asked",
        "thinking_tokens": 48,
        "hint_tokens": 0,
        "answer_tokens": 0,
        "cut": False,
        "hint_start": None,
        "answer_start": 0,
    }
    assert "overthought" not in choice["message"]["content"]


@pytest.mark.parametrize("budget", [0, 1, 10])
def test_a_budget_cuts_exactly(served: Served, free: dict[str, Any], budget: int) -> None:
    """Up to the budget the run is the free one, then comes the hint, then an answer; one token off is a bug."""
    hint = hint_ids(served)
    body = ask(served, thinking_budget=budget, return_token_ids=True)
    choice = body["choices"][0]
    assert choice["token_ids"][:budget] == free["choices"][0]["token_ids"][:budget]
    assert choice["token_ids"][budget : budget + len(hint)] == hint
    answer_tokens = served.config.window.answer_tokens
    thinking = choice["thinking"]
    offsets = {name: thinking.pop(name) for name in ("hint_start", "answer_start")}
    assert thinking == {
        "budget": budget,
        "bounded_by": "asked",
        "thinking_tokens": budget,
        "hint_tokens": len(hint),
        "answer_tokens": answer_tokens,
        "cut": True,
    }
    assert body["usage"]["completion_tokens"] == budget + len(hint) + answer_tokens
    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] == budget
    content = choice["message"]["content"]
    assert content[offsets["hint_start"] : offsets["answer_start"]] == CODE_HINT
    assert free["choices"][0]["message"]["content"].startswith(content[: offsets["hint_start"]])


@pytest.mark.parametrize(
    ("fields", "budget"),
    [
        ({"reasoning_effort": "minimal"}, 0),
        ({"reasoning_effort": "low"}, 8),
        ({"reasoning_effort": "high", "thinking_budget": 3}, 3),
    ],
)
def test_an_effort_is_a_budget_by_name(served: Served, fields: dict[str, Any], budget: int) -> None:
    """OpenAI's own field steers the window; an explicit budget wins."""
    assert ask(served, **fields)["choices"][0]["thinking"]["thinking_tokens"] == budget


def test_grace_lets_the_line_end(served: Served) -> None:
    """The cut comes after the first line end within the grace, and never beyond it."""
    breaks = newline_token_ids(served.config.models[MODEL])
    for budget in (6, 30):
        choice = ask(served, model=MODEL, thinking_budget=budget, grace=0.9, return_token_ids=True)["choices"][0]
        cut_at, most = choice["thinking"]["thinking_tokens"], budget + int(budget * 0.9)
        assert budget <= cut_at <= most
        assert not any(token in breaks for token in choice["token_ids"][budget - 1 : cut_at - 1])
        assert cut_at == most or choice["token_ids"][cut_at - 1] in breaks
        assert choice["token_ids"][cut_at:][: len(hint_ids(served))] == hint_ids(served)


@pytest.mark.parametrize("stream", [False, True])
def test_the_answer_alone_is_what_follows_the_hint(served: Served, stream: bool) -> None:
    """``answer_only`` leaves thinking and hint out, and where nothing was cut it is the whole text."""
    whole = ask(served, thinking_budget=5)["choices"][0]
    assert content(served, stream, thinking_budget=5, answer_only=True) == (
        whole["message"]["content"][whole["thinking"]["answer_start"] :],
        {**whole["thinking"], "hint_start": None, "answer_start": 0},
    )
    fields: dict[str, Any] = {"model": MODEL, "thinking_budget": 64}
    uncut = ask(served, SHORT, **fields)["choices"][0]
    assert uncut["thinking"]["cut"] is False
    assert content(served, stream, SHORT, **fields, answer_only=True)[0] == uncut["message"]["content"]


def content(served: Served, stream: bool, messages: Any = LONG, /, **fields: Any) -> tuple[str, dict[str, Any]]:
    """The text of a chat, in one piece or put together, and its thinking object."""
    if not stream:
        choice = ask(served, messages, **fields)["choices"][0]
        return choice["message"]["content"], choice["thinking"]
    chunks = ask_stream(served, messages, **fields)
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    return "".join(choice["delta"]["content"] or "" for choice in choices), choices[-1]["thinking"]


def test_a_request_that_knows_nothing_of_windows_is_capped_too(served: Served) -> None:
    """Any OpenAI client gets the model's default budget, and none of our extras it did not ask for."""
    choice = ask(served)["choices"][0]
    assert choice["thinking"]["budget"] == served.config.window.default_budget
    assert choice["thinking"]["cut"]
    assert choice["token_ids"] is None


def test_a_run_that_ends_early_is_not_cut(served: Served) -> None:
    """Weak reasoning for a simple problem: the whole answer, no hint."""
    choice = ask(served, SHORT, model=MODEL, thinking_budget=100)["choices"][0]
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


def test_stop_strings_sleep_until_the_hint_is_complete(served: Served) -> None:
    """The hint begins with a blank line, a common stop string: every cut run would end without an answer."""
    fields: dict[str, Any] = {"model": MODEL, "thinking_budget": 5}
    free = ask(served, **fields)["choices"][0]
    answer = free["message"]["content"][free["thinking"]["answer_start"] :]
    word = answer.split()[1]
    choice = ask(served, **fields, stop=["overthought", word])["choices"][0]
    assert (choice["finish_reason"], choice["stop_reason"]) == ("stop", word)
    assert choice["message"]["content"][choice["thinking"]["answer_start"] :] == answer[: answer.index(word)]
    assert 0 < choice["thinking"]["answer_tokens"] < free["thinking"]["answer_tokens"]
    blank = ask(served, **fields, stop=["\n\n"])["choices"][0]
    assert blank["thinking"]["hint_tokens"] == len(hint_ids(served))


def test_plain_completions_have_the_window_too(served: Served) -> None:
    """A list of prompts, no limit sent: OpenAI's default of 16 tokens must not stand in the way of the hint."""
    answer = served.api.completions.create(
        model=TINY, prompt=["def add(a, b):", "Once upon a time"], temperature=0.0, extra_body={"thinking_budget": 4}
    )
    body = answer.model_dump()
    for choice in body["choices"]:
        assert CODE_HINT in choice["text"]
        assert choice["thinking"]["thinking_tokens"] == 4
        assert choice["thinking"]["answer_tokens"] == served.config.window_of(TINY).answer_tokens
    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] == 8


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


def test_what_a_model_offers_is_on_its_card(served: Served) -> None:
    """A client, like the playground, learns budgets, efforts and hints without asking an operator."""
    window = served.api.models.retrieve(MODEL).model_dump()["metadata"]["window"]
    assert window["max_budget"] == served.config.window.max_budget
    assert window["efforts"] == served.config.window.efforts
    assert window["hints"]["code"] == CODE_HINT
    assert {model.id for model in served.api.models.list()} == {MODEL, TINY}
