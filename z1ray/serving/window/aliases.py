"""Fields by which other APIs limit reasoning, and what each of them means here.

A client that sends one of them expects it to hold, so none is passed over: those
in the table become fields of z1ray, and whatever else stands in an object that
such an API has for reasoning is refused by name.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from z1ray.errors import UserError

Fields = Mapping[str, Any]
Reader = Callable[[str, Any], Fields]


def translate(fields: Fields) -> tuple[dict[str, Any], dict[str, str]]:
    """Replace every alias among a request's fields by what it means.

    Args:
        fields: What the client set in the body; a null counts as unset.

    Returns:
        The fields with z1ray's in place of the aliases, and of those the name that the client used. Objects that
        also hold other things (``SHARED``) stay where they are.

    Raises:
        UserError: For an alias whose value means nothing, an unknown part of an object for reasoning, and two
            fields that contradict each other.
    """
    own = {name: value for name, value in fields.items() if name not in ROOTS or name in SHARED}
    names: dict[str, str] = {}
    for path, value in _sent(fields):
        for name, meant in ALIASES[path][1](path, value).items():
            if own.get(name) is None:
                own[name], names[name] = meant, path
            elif own[name] != meant:
                problem = f"{names.get(name, name)} says {own[name]!r}, and this says {meant!r}"
                raise UserError(path, value, problem, "send only one of them")
    return own, names


def _sent(fields: Fields) -> Iterator[tuple[str, Any]]:
    """The aliases that were sent, by their paths."""
    for root in ROOTS & fields.keys():
        value = fields[root]
        if value is None:
            continue
        if root in ALIASES:
            yield root, value
            continue
        if not isinstance(value, Mapping):
            if root in SHARED:  # the engine refuses it, or does not look at it
                continue
            parts = ", ".join(sorted(path.removeprefix(f"{root}.") for path in ALIASES if path.startswith(f"{root}.")))
            raise UserError(root, value, "it is an object", f"send one with {parts}; or a thinking_budget")
        for part, inner in value.items():
            path = f"{root}.{part}"
            if inner is not None and path in ALIASES:
                yield path, inner
            elif inner is not None and root not in SHARED:
                problem = f"this part of {root} is not known here"
                raise UserError(path, inner, problem, "leave it out; thinking_budget is a count of tokens")


def _count(path: str, value: Any) -> Fields:
    if type(value) is int and value >= 0:
        return {"thinking_budget": value}
    raise UserError(path, value, "it is a count of thinking tokens", "send 0 or more, or thinking_budget -1 for no cap")


def _count_or_no_cap(path: str, value: Any) -> Fields:
    return {"thinking_budget": -1} if type(value) is int and value == -1 else _count(path, value)


def _count_or_default(path: str, value: Any) -> Fields:
    return {} if type(value) is int and value == -1 else _count(path, value)


def _switch(path: str, value: Any) -> Fields:
    if isinstance(value, bool):
        return {} if value else {"thinking_budget": 0}
    raise UserError(path, value, "it is true or false", "send true, false, or a thinking_budget")


def _effort(path: str, value: Any) -> Fields:
    if isinstance(value, str):
        return {"reasoning_effort": value}
    raise UserError(path, value, "it is the name of an effort", "send a name, or a thinking_budget")


def _switch_or_effort(path: str, value: Any) -> Fields:
    return _effort(path, value) if isinstance(value, str) else _switch(path, value)


def _kind(path: str, value: Any) -> Fields:
    meanings: dict[Any, Fields] = {"enabled": {}, "adaptive": {}, "disabled": {"thinking_budget": 0}}
    if isinstance(value, str) and value in meanings:
        return meanings[value]
    raise UserError(path, value, "it is no kind of thinking", f"send one of: {', '.join(meanings)}")


def _left_out(path: str, value: Any) -> Fields:
    if isinstance(value, bool):
        return {"answer_only": True} if value else {}
    raise UserError(path, value, "it is true or false", "send true, false, or answer_only")


def _shown(path: str, value: Any) -> Fields:
    return _left_out(path, not value if isinstance(value, bool) else value)


ALIASES: dict[str, tuple[str, Reader]] = {
    "thinking_token_budget": ("vLLM", _count_or_no_cap),
    "reasoning_budget": ("llama.cpp", _count_or_no_cap),
    "max_thinking_tokens": ("several", _count),
    "enable_thinking": ("Alibaba Cloud", _switch),
    "think": ("Ollama", _switch_or_effort),
    "thinking.type": ("Anthropic, DeepSeek, Z.ai", _kind),
    "thinking.budget_tokens": ("Anthropic", _count),
    "reasoning.max_tokens": ("OpenRouter", _count),
    "reasoning.effort": ("OpenRouter", _effort),
    "reasoning.enabled": ("OpenRouter", _switch),
    "reasoning.exclude": ("OpenRouter", _left_out),
    "thinking_config.thinking_budget": ("Gemini, where -1 leaves it to the model", _count_or_default),
    "thinking_config.thinking_level": ("Gemini", _effort),
    "thinking_config.include_thoughts": ("Gemini", _shown),
    "custom_params.thinking_budget": ("SGLang", _count_or_no_cap),
    "nvext.max_thinking_tokens": ("NVIDIA Dynamo", _count),
    "chat_template_kwargs.enable_thinking": ("Qwen", _switch),
    "chat_template_kwargs.thinking": ("DeepSeek, Granite", _switch),
    "chat_template_kwargs.thinking_budget": ("Seed-OSS", _count_or_no_cap),
    "chat_template_kwargs.reasoning_budget": ("Nemotron", _count_or_no_cap),
    "chat_template_kwargs.reasoning_effort": ("gpt-oss", _effort),
}
"""Each alias by its path in the body: whose it is, and how to read it."""

ROOTS = frozenset(path.partition(".")[0] for path in ALIASES)
"""The fields of the body in which aliases stand."""

SHARED = frozenset({"custom_params", "nvext", "chat_template_kwargs"})
"""Those of them that also hold other things, which are none of z1ray's business."""
