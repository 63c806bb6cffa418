"""Grammars and tool calls at the real endpoint: alone, after the hint, and refused under any other budget."""

import json
from typing import Any

import openai
import pytest

from tests.serving.conftest import MODEL, TINY, Served
from z1ray.engine.tokens import text_token_ids, tokenizer
from z1ray.window import CODE_HINT

pytestmark = [pytest.mark.ray, pytest.mark.vllm]

MESSAGES: Any = [{"role": "user", "content": "Which one?"}]
PARAMETERS = {
    "type": "object",
    "properties": {"which": {"enum": ["one", "two"]}},
    "required": ["which"],
    "additionalProperties": False,
}
FORMAT: dict[str, Any] = {
    "response_format": {"type": "json_schema", "json_schema": {"name": "choice", "schema": PARAMETERS}}
}
CALL: dict[str, Any] = {
    "tools": [{"type": "function", "function": {"name": "choose", "parameters": PARAMETERS}}],
    "tool_choice": {"type": "function", "function": {"name": "choose"}},
}


def no_blanks(served: Served) -> dict[str, float]:
    """A bias against tokens that are nothing but blanks: JSON allows any number, and the model writes noise."""
    vocabulary = tokenizer(served.config.models[TINY]).get_vocab()
    return {str(number): -100.0 for token, number in vocabulary.items() if not token.strip("ĠĊĉč")}


def ask(served: Served, budget: int, stream: bool, **fields: Any) -> tuple[str, str, dict[str, Any], dict[str, Any]]:
    """Content, arguments of the call, thinking object and usage of a chat, whole or put together."""
    asked: dict[str, Any] = {"model": TINY, "messages": MESSAGES, "logit_bias": no_blanks(served), **fields}
    extra = {"thinking_budget": budget, "max_tokens": 80}
    if not stream:
        answer = served.api.chat.completions.create(**asked, extra_body=extra).model_dump()
        (choice,), usage, pieces = answer["choices"], answer["usage"], [answer["choices"][0]["message"]]
    else:
        options: Any = {"stream": True, "stream_options": {"include_usage": True}}
        chunks = [
            chunk.model_dump() for chunk in served.api.chat.completions.create(**asked, **options, extra_body=extra)
        ]
        choices = [choice for chunk in chunks for choice in chunk["choices"]]
        choice, usage, pieces = choices[-1], chunks[-1]["usage"], [choice["delta"] for choice in choices]
    content = "".join(piece["content"] or "" for piece in pieces)
    calls = [call for piece in pieces for call in piece["tool_calls"] or ()]
    return content, "".join(call["function"]["arguments"] or "" for call in calls), choice["thinking"], usage


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("shape", [FORMAT, CALL], ids=["grammar", "call"])
def test_a_grammar_begins_after_the_hint(served: Served, shape: dict[str, Any], stream: bool) -> None:
    """A grammar over the whole text would refuse the hint's tokens; without the hint, the budget would not hold."""
    content, arguments, thinking, usage = ask(served, 0, stream, **shape)
    assert content.startswith(CODE_HINT)
    answer = content[thinking["answer_start"] :]
    assert json.loads(arguments if shape is CALL else answer)["which"] in ("one", "two")
    assert shape is FORMAT or not answer
    hint_tokens = len(text_token_ids(served.config.models[TINY], CODE_HINT))
    assert thinking.items() >= {"budget": 0, "cut": True, "thinking_tokens": 0, "hint_tokens": hint_tokens}.items()
    assert usage["completion_tokens"] == hint_tokens + thinking["answer_tokens"]
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 0


@pytest.mark.parametrize("shape", [FORMAT, CALL], ids=["grammar", "call"])
def test_without_a_cap_it_is_all_answer(served: Served, shape: dict[str, Any]) -> None:
    """Nothing of it is billed as thinking."""
    content, arguments, thinking, _ = ask(served, -1, False, **shape)
    assert json.loads(arguments if shape is CALL else content)["which"] in ("one", "two")
    assert (thinking["cut"], thinking["thinking_tokens"], thinking["hint_tokens"]) == (False, 0, 0)
    assert thinking["answer_tokens"] > 0


def test_the_prompt_costs_what_it_costs_without_a_grammar(served: Served) -> None:
    """The hint goes to the engine with the prompt, and is still no part of it."""
    plain: Any = served.api.chat.completions.create(model=TINY, messages=MESSAGES, extra_body={"thinking_budget": 0})
    assert ask(served, 0, False, **FORMAT)[3]["prompt_tokens"] == plain.usage.prompt_tokens


@pytest.mark.parametrize(
    ("model", "budget", "shape", "remedy"),
    [
        (TINY, 8, FORMAT, "thinking_budget 0 (straight to the hint, then this)"),
        (TINY, 8, CALL, "thinking_budget -1 (no cap)"),
        (MODEL, 0, CALL, "engine.tool_parser"),
    ],
)
def test_a_refusal_says_what_would_work(
    served: Served, model: str, budget: int, shape: dict[str, Any], remedy: str
) -> None:
    """Its remedy used to fail as well."""
    with pytest.raises(openai.BadRequestError) as refused:
        ask(served, budget, False, **{**shape, "model": model})
    assert remedy in refused.value.message
