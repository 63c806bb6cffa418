"""Requests that the real endpoint refuses, each in OpenAI's shape and with the field that was wrong."""

from typing import Any

import openai
import pytest

from tests.serving.chats import ask
from tests.serving.conftest import MODEL, TINY, Served

pytestmark = [pytest.mark.ray, pytest.mark.vllm]


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
        ("reasoning_effort", {"reasoning_effort": "utmost"}),
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
        ask(served, model=MODEL, stream=stream, **fields)
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
    """In the client's words: it sent no limit, and no count of tokens."""
    with pytest.raises(openai.BadRequestError, match="fills the model's context of 1024 tokens"):
        ask(served, [{"role": "user", "content": "word " * 1200}], thinking_budget=5)


@pytest.mark.parametrize("name", ["gpt", f"{MODEL}:x", f"{MODEL}:", ":x", "gpt:x"])
def test_an_unknown_model_is_a_404_in_openais_shape(served: Served, name: str) -> None:
    """Clients print ``error.message``; to Ray a name with a colon is an adapter of the model before it."""
    for ask_for in (lambda: ask(served, model=name), lambda: served.api.completions.create(model=name, prompt="hi")):
        with pytest.raises(openai.NotFoundError) as caught:
            ask_for()
        assert caught.value.param == "model"
        assert repr(name) in caught.value.message
