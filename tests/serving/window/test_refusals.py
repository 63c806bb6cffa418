"""No field that means a cap is overlooked, and no cap is accepted that could not be enforced."""

import pytest

from z1ray.errors import UserError
from z1ray.serving.window.refusals import WINDOW_FIELDS, is_shaped, refuse
from z1ray.window import NO_CAP


def refused(**fields: object) -> UserError:
    with pytest.raises(UserError) as caught:
        refuse(fields, NO_CAP)
    return caught.value


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("thinking_budgets", "thinking_budget"),
        ("thinkingBudget", "thinking_budget"),
        ("thinking-budget", "thinking_budget"),
        ("Thinking_Budget", "thinking_budget"),
        ("max_thinking_budget", "thinking_budget"),
        ("hints", "hint"),
        ("answerOnly", "answer_only"),
        ("reasoning_efort", "reasoning_effort"),
    ],
)
def test_a_misspelt_field_is_refused_with_the_right_spelling(name: str, meant: str) -> None:
    """OpenAI's API ignores what it does not know: the run would get the default budget without a word."""
    error = refused(**{name: 64})
    assert (error.field, error.value) == (name, 64)
    assert meant in error.remedy


@pytest.mark.parametrize("name", ["trace", "race", "place", "hunt", "metadata", "verbosity", "think_aloud_id", "user"])
def test_a_field_that_only_resembles_one_of_ours_passes(name: str) -> None:
    """Gateways add fields of their own; ``trace`` was once taken for ``grace``."""
    refuse({name: {"id": "1"}}, NO_CAP)


@pytest.mark.parametrize("outer", ["extra_body", "chat_template_kwargs", "nvext", "custom_params"])
@pytest.mark.parametrize("name", ["hint", "grace", "thinking_budgets", "thinkingBudget"])
def test_a_field_inside_another_is_refused(outer: str, name: str) -> None:
    """``extra_body`` belongs to the Python client; in a body sent by hand nobody reads it."""
    error = refused(**{outer: {name: 64}})
    assert error.field == f"{outer}.{name}"
    assert "in the body itself" in error.remedy
    refuse({outer: {"other": 1, name: None}}, NO_CAP)


def test_no_field_of_the_engines_own_api_is_taken_for_a_misspelling() -> None:
    """A vLLM release with a field close to ours would break every client that uses it."""
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
    from vllm.entrypoints.openai.completion.protocol import CompletionRequest

    known = {*ChatCompletionRequest.model_fields, *CompletionRequest.model_fields} - {*WINDOW_FIELDS}
    for name in known - {"thinking_token_budget", "echo", "logprobs"}:
        refuse({name: {"any": "thing"}}, NO_CAP)


@pytest.mark.parametrize("argument", ["thinking_budget", "hint_token_ids", "grace_tokens", "beginning_token_ids"])
def test_engine_arguments_cannot_be_smuggled_in(argument: str) -> None:
    """With them a client could raise the server's cap or force any text."""
    assert refused(vllm_xargs={argument: 1}).field == f"vllm_xargs.{argument}"
    refuse({"vllm_xargs": {"other": 1}}, NO_CAP)


@pytest.mark.parametrize("value", [1, "true", [], 0])
def test_answer_only_is_true_or_false(value: object) -> None:
    """A truthy string like "false" would leave the thinking out."""
    assert refused(answer_only=value).field == "answer_only"


@pytest.mark.parametrize("logprobs", [True, 0, 5])
def test_answer_only_cannot_be_had_with_log_probabilities(logprobs: object) -> None:
    """Their list is as long as the run, the text is not."""
    assert refused(answer_only=True, logprobs=logprobs).field == "logprobs"
    refuse({"answer_only": True, "logprobs": None}, NO_CAP)
    refuse({"answer_only": True, "logprobs": False}, NO_CAP)
    refuse({"answer_only": False, "logprobs": logprobs}, NO_CAP)


def test_echo_is_refused() -> None:
    """With token ids on, vLLM leaves the echoed prompt out, so the client would miss it without a word."""
    assert refused(echo=True).field == "echo"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("use_beam_search", True),
        ("structured_outputs", {"regex": "a+"}),
        ("response_format", {"type": "json_object"}),
        ("tools", [{"type": "function"}]),
    ],
)
def test_a_cap_that_could_not_be_enforced_is_refused(field: str, value: object) -> None:
    """Beams ignore the processor and grammars reject forced tokens."""
    with pytest.raises(UserError, match=field) as caught:
        refuse({field: value}, 5)
    assert caught.value.field == field
    assert "thinking_budget -1" in caught.value.remedy
    assert ("thinking_budget 0 (straight to the hint" in caught.value.remedy) == (field != "use_beam_search")


@pytest.mark.parametrize(
    "fields",
    [
        {"structured_outputs": {"regex": "a+"}},
        {"response_format": {"type": "json_object"}},
        {"tools": [{"type": "function"}]},
    ],
)
def test_what_shapes_the_text_goes_with_no_thinking_at_all(fields: dict[str, object]) -> None:
    """The hint comes first then, and nothing has to be forced; only log probabilities of it there are none."""
    refuse(fields, 0)
    assert is_shaped(fields)
    for field in ("logprobs", "prompt_logprobs"):
        with pytest.raises(UserError, match=field) as caught:
            refuse({**fields, field: 0}, 0)
        assert caught.value.field == field
        refuse({**fields, field: 0}, NO_CAP)


def test_harmless_forms_of_the_same_fields_pass() -> None:
    """Clients send these by default; refusing them would break every one."""
    fields = {
        "use_beam_search": False,
        "structured_outputs": None,
        "response_format": {"type": "text"},
        "tools": [{"type": "function"}],
        "tool_choice": "none",
        "vllm_xargs": None,
        "echo": False,
        "extra_body": None,
    }
    refuse(fields, NO_CAP)
    refuse(fields, 5)
    assert not is_shaped(fields)
