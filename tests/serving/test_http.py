"""The endpoint as clients see it: the real ``openai`` client against the real small model."""

import time
from typing import Any

import openai
import psutil
import pytest

from tests.serving.conftest import MODEL, TINY, Served
from z1ray.engine.tokens import newline_token_ids, text_token_ids, tokenizer
from z1ray.window import CODE_HINT, MATH_HINT

pytestmark = [pytest.mark.ray, pytest.mark.vllm]

LONG: Any = [{"role": "user", "content": "Explain how binary search works."}]
SHORT: Any = [{"role": "user", "content": "What is 2+2? Answer with one number only."}]


def ask(served: Served, messages: Any = LONG, /, **fields: Any) -> dict[str, Any]:
    """One greedy chat; z1ray's own fields travel in ``extra_body`` as clients must send them."""
    return dict(served.api.chat.completions.create(**request(messages, fields)).model_dump())


def ask_stream(served: Served, messages: Any = LONG, /, **fields: Any) -> list[dict[str, Any]]:
    """The same as a stream: its chunks."""
    options: Any = {"stream": True, "stream_options": {"include_usage": True}}
    return [chunk.model_dump() for chunk in served.api.chat.completions.create(**request(messages, fields), **options)]


def request(messages: Any, fields: dict[str, Any]) -> dict[str, Any]:
    known = {"model", "max_tokens", "n", "seed", "stop", "temperature", "reasoning_effort"} & set(fields)
    extra = {name: value for name, value in fields.items() if name not in known}
    own = {name: fields[name] for name in known}
    return {"model": MODEL, "messages": messages, "temperature": 0.0, **own, "extra_body": extra}


def hint_ids(served: Served, text: str = CODE_HINT) -> list[int]:
    return list(text_token_ids(served.config.models[MODEL], text))


FREE = 60


@pytest.fixture(scope="module")
def free(served: Served) -> dict[str, Any]:
    """What the model writes on its own, for ``FREE`` tokens, with its token ids."""
    return ask(served, thinking_budget=FREE, max_tokens=FREE + 15, return_token_ids=True)


def test_without_a_cap_nothing_is_forced(served: Served) -> None:
    """-1 leaves the model alone and counts everything as thinking."""
    choice = ask(served, model=TINY, max_tokens=48, thinking_budget=-1, ignore_eos=True)["choices"][0]
    assert choice["thinking"] == {
        "budget": -1,
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
        choice = ask(served, thinking_budget=budget, grace=0.9, return_token_ids=True)["choices"][0]
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
    uncut = ask(served, SHORT, thinking_budget=64)["choices"][0]
    assert content(served, stream, SHORT, thinking_budget=64, answer_only=True)[0] == uncut["message"]["content"]


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


@pytest.mark.parametrize(
    "fields",
    [
        {"thinking_budget": 7},
        {"thinking_budget": 60, "max_tokens": 80},
        {"thinking_budget": 40, "stop": ["overthought", "never"]},
        {"thinking_budget": 9, "n": 2, "seed": 5, "temperature": 1.0},
        {"thinking_budget": 6, "grace": 1.0},
    ],
)
def test_a_stream_says_the_same_as_a_whole_response(served: Served, fields: dict[str, Any]) -> None:
    """Content to the byte, the thinking object in the last chunk, usage when asked for, no token ids."""
    whole = ask(served, **fields)
    chunks = ask_stream(served, **fields)
    for expected in whole["choices"]:
        choices = [c for chunk in chunks for c in chunk["choices"] if c["index"] == expected["index"]]
        assert "".join(c["delta"]["content"] or "" for c in choices) == expected["message"]["content"]
        assert [c["thinking"] for c in choices if "thinking" in c] == [expected["thinking"]]
        assert choices[-1]["finish_reason"] == expected["finish_reason"]
        assert not any("token_ids" in c for c in choices)
        assert len(choices) > 5, "the stream came in one piece"
    assert chunks[-1]["usage"]["completion_tokens"] == whole["usage"]["completion_tokens"]
    assert (
        chunks[-1]["usage"]["completion_tokens_details"]["reasoning_tokens"]
        == whole["usage"]["completion_tokens_details"]["reasoning_tokens"]
    )


def test_a_cut_splits_no_character(served: Served) -> None:
    """Emojis are several tokens; wherever the budget falls, clients get whole ones, streamed or not."""
    prompt, budgets, num_split = "🙂🙃🙂🙃🙂🙃🙂🙃🙂🙃", range(1, 7), 0
    for budget in budgets:
        fields: Any = {"model": MODEL, "prompt": prompt, "temperature": 0.0}
        extra = {"thinking_budget": budget, "return_token_ids": True, "max_tokens": budget + 16}
        whole = served.api.completions.create(**fields, extra_body=extra).model_dump()["choices"][0]
        chunks = served.api.completions.create(**fields, extra_body=extra, stream=True)
        assert "".join(chunk.choices[0].text for chunk in chunks) == whole["text"]
        assert "\ufffd" not in whole["text"]
        decoded = tokenizer(served.config.models[MODEL]).decode(whole["token_ids"][:budget])
        num_split += decoded.endswith("\ufffd")
        assert whole["text"][: whole["thinking"]["hint_start"]] == decoded.removesuffix("\ufffd")
    assert num_split, "no budget fell into a character"


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
        ("thinking_budget", {"thinking_budget": 401}),
        ("thinking_budget", {"thinking_budget": -1}),
        ("thinking_budgets", {"thinking_budgets": 5}),
        ("grace", {"grace": 2}),
        ("answer_only", {"answer_only": "yes"}),
        ("reasoning_effort", {"reasoning_effort": "xhigh"}),
        ("tools", {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "auto"}),
        ("hint", {"hint": "mathematics"}),
        ("max_tokens", {"thinking_budget": 10, "max_tokens": 24}),
        ("max_completion_tokens", {"thinking_budget": 10, "max_completion_tokens": 24}),
        ("max_tokens", {"thinking_budget": 10, "max_tokens": 100_000}),
        ("vllm_xargs.thinking_budget", {"vllm_xargs": {"thinking_budget": 900}}),
        ("vllm_xargs.hint_token_ids", {"thinking_budget": 5, "vllm_xargs": {"hint_token_ids": [1]}}),
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


@pytest.mark.parametrize("budget", [-1, 3])
def test_plain_completions_know_both_names_of_the_limit(served: Served, budget: int) -> None:
    """VLLM's own know ``max_tokens`` alone and would stop after 16, whatever the other says."""
    fields: dict[str, Any] = {"thinking_budget": budget, "max_completion_tokens": 40, "min_tokens": 40}
    answer = served.api.completions.create(model=TINY, prompt="hi", extra_body=fields)
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 40
    with pytest.raises(openai.BadRequestError) as caught:
        served.api.completions.create(model=TINY, prompt="hi", extra_body={**fields, "max_completion_tokens": []})
    assert caught.value.param == "max_completion_tokens"


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


def test_what_a_model_offers_is_on_its_card(served: Served) -> None:
    """A client, like the playground, learns budgets, efforts and hints without asking an operator."""
    window = served.api.models.retrieve(MODEL).model_dump()["metadata"]["window"]
    assert window["max_budget"] == served.config.window.max_budget
    assert window["efforts"] == served.config.window.efforts
    assert window["hints"]["code"] == CODE_HINT
    assert {model.id for model in served.api.models.list()} == {MODEL, TINY}


def test_a_client_that_goes_away_stops_the_engine(served: Served) -> None:
    """Otherwise every impatient reader would keep a sequence busy to its end."""
    workers = [process for process in psutil.process_iter(["name"]) if process.info["name"] == "VLLM::Worker"]

    def busy_seconds() -> float:
        before = sum(sum(process.cpu_times()[:2]) for process in workers)
        time.sleep(1)
        return sum(sum(process.cpu_times()[:2]) for process in workers) - before

    stream = served.api.chat.completions.create(
        **request(LONG, {"thinking_budget": 400, "min_tokens": 400, "max_tokens": 900}), stream=True
    )
    for _ in range(4):
        next(iter(stream))
    assert busy_seconds() > 0.3
    stream.close()
    deadline = time.monotonic() + 12
    while busy_seconds() > 0.3:
        assert time.monotonic() < deadline, "the engine still works for nobody"
