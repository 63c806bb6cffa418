"""Every field by which another API limits reasoning is honoured, or refused by name; none is passed over."""

from typing import Any

import pytest

from z1ray.errors import UserError
from z1ray.serving.window.aliases import ALIASES, ROOTS, translate
from z1ray.serving.window.request import Prompts, WindowedModel, read_request
from z1ray.window import WindowConfig

CONFIG = WindowConfig(default_budget=100, answer_tokens=50, efforts={"low": 20, "high": 400})
MODEL = WindowedModel(CONFIG, {"code": (1, 2, 3), "math": (4, 5)}, context=1000, max_runs=64)
DEFAULT = {"thinking_budget": 100}
OFF = {"thinking_budget": 0}

# What is sent by path, and what it comes to.
HONOURED: list[tuple[str, Any, dict[str, Any]]] = [
    ("thinking_token_budget", 64, {"thinking_budget": 64}),
    ("thinking_token_budget", -1, {"thinking_budget": -1}),
    ("reasoning_budget", 0, OFF),
    ("max_thinking_tokens", 64, {"thinking_budget": 64}),
    ("enable_thinking", False, OFF),
    ("enable_thinking", True, DEFAULT),
    ("think", False, OFF),
    ("think", True, DEFAULT),
    ("think", "low", {"thinking_budget": 20}),
    ("thinking.type", "disabled", OFF),
    ("thinking.type", "enabled", DEFAULT),
    ("thinking.type", "adaptive", DEFAULT),
    ("thinking.budget_tokens", 64, {"thinking_budget": 64}),
    ("reasoning.max_tokens", 64, {"thinking_budget": 64}),
    ("reasoning.effort", "high", {"thinking_budget": 400}),
    ("reasoning.effort", "none", OFF),
    ("reasoning.enabled", False, OFF),
    ("reasoning.exclude", True, {**DEFAULT, "answer_only": True}),
    ("thinking_config.thinking_budget", 64, {"thinking_budget": 64}),
    ("thinking_config.thinking_budget", -1, DEFAULT),
    ("thinking_config.thinking_level", "low", {"thinking_budget": 20}),
    ("thinking_config.include_thoughts", False, {**DEFAULT, "answer_only": True}),
    ("custom_params.thinking_budget", 64, {"thinking_budget": 64}),
    ("nvext.max_thinking_tokens", 64, {"thinking_budget": 64}),
    ("chat_template_kwargs.enable_thinking", False, OFF),
    ("chat_template_kwargs.thinking", True, DEFAULT),
    ("chat_template_kwargs.thinking_budget", 64, {"thinking_budget": 64}),
    ("chat_template_kwargs.reasoning_budget", 64, {"thinking_budget": 64}),
    ("chat_template_kwargs.reasoning_effort", "high", {"thinking_budget": 400}),
]


def body(*sent: tuple[str, Any]) -> dict[str, Any]:
    """A request's fields from values by their paths."""
    fields: dict[str, Any] = {}
    for path, value in sent:
        root, _, part = path.partition(".")
        if part:
            fields.setdefault(root, {})[part] = value
        else:
            fields[root] = value
    return fields


def refused(fields: dict[str, Any]) -> UserError:
    with pytest.raises(UserError) as caught:
        read_request(fields, MODEL, Prompts("messages"))
    return caught.value


@pytest.mark.parametrize(("path", "value", "expected"), HONOURED)
def test_an_alias_is_what_it_means(path: str, value: Any, expected: dict[str, Any]) -> None:
    """A client of another server keeps its cap here without being rewritten."""
    request = read_request(body((path, value)), MODEL, Prompts("messages"))
    told = {"thinking_budget": request.window.budget, **({"answer_only": True} if request.answer_only else {})}
    assert told == expected
    unset = read_request(body((path, None)), MODEL, Prompts("messages"))
    assert (unset.window.budget, unset.answer_only) == (100, False)


def test_every_alias_of_the_table_is_tried() -> None:
    """One that is added is tried above as well."""
    assert {path for path, _, _ in HONOURED} == set(ALIASES)


@pytest.mark.parametrize("path", sorted(ALIASES))
@pytest.mark.parametrize("value", [[], {}, 0.5, -2, "sixty-four"])
def test_an_alias_that_means_nothing_is_refused_as_it_was_sent(path: str, value: Any) -> None:
    """Read leniently it would be another cap than the one its sender meant."""
    error = refused(body((path, value)))
    assert (error.field, error.value) == (path, value)
    assert error.remedy


@pytest.mark.parametrize("root", sorted({path.partition(".")[0] for path in ALIASES if "." in path}))
def test_the_rest_of_an_object_for_reasoning_is_refused_by_name(root: str) -> None:
    """A part that is not known may be a cap of a newer release of that API; template arguments are none."""
    fields = {root: {"token_limit": 64}}
    if root in ("thinking", "reasoning", "thinking_config"):
        assert refused(fields).field == f"{root}.token_limit"
        assert refused({root: 64}).field == root
    else:
        assert translate(fields) == (fields, {})


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"thinking_budget": 64, "thinking": {"type": "enabled", "budget_tokens": 65}}, "thinking.budget_tokens"),
        ({"thinking_budget": 64, "enable_thinking": False}, "enable_thinking"),
        ({"reasoning_effort": "low", "reasoning": {"effort": "high"}}, "reasoning.effort"),
        ({"answer_only": False, "reasoning": {"exclude": True}}, "reasoning.exclude"),
        ({"thinking": {"type": "disabled", "budget_tokens": 64}}, "thinking.budget_tokens"),
    ],
)
def test_two_fields_that_contradict_each_other_are_refused(fields: dict[str, Any], field: str) -> None:
    """Whichever won, the other would be a cap that was passed over."""
    error = refused(fields)
    assert error.field == field
    assert error.remedy == "send only one of them"


def test_two_fields_that_agree_are_one() -> None:
    """Clients that serve several APIs send them side by side; a count goes before an effort's name."""
    fields = {"thinking": {"type": "enabled", "budget_tokens": 64}, "thinking_budget": 64, "reasoning_effort": "low"}
    assert read_request(fields, MODEL, Prompts("messages")).window.budget == 64


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"thinking": {"budget_tokens": 64}, "max_tokens": 60}, "max_tokens"),
        ({"reasoning": {"effort": "sixty"}}, "reasoning.effort"),
        ({"nvext": {"max_thinking_tokens": 10**30}}, "nvext.max_thinking_tokens"),
    ],
)
def test_a_refusal_names_the_alias(fields: dict[str, Any], field: str) -> None:
    """The client has never heard of ``thinking_budget``."""
    with pytest.raises(UserError) as caught:
        read_request(fields, MODEL, Prompts("messages", num_tokens=100))
    assert caught.value.field == field


def test_the_engine_gets_no_field_that_it_would_read_itself() -> None:
    """VLLM's own cap beside the window's would be refused by the engine; a template's arguments go on to it."""
    sent = {"thinking_token_budget": 64, "chat_template_kwargs": {"enable_thinking": True, "other": 1}, "seed": 5}
    fields, names = translate(sent)
    assert fields == {"chat_template_kwargs": sent["chat_template_kwargs"], "seed": 5, "thinking_budget": 64}
    assert names == {"thinking_budget": "thinking_token_budget"}
    assert "thinking_token_budget" in ROOTS
