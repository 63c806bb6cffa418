"""Reads a request's window from its fields, or refuses the request.

Pure: the fields arrive as a plain mapping, unset ones missing (an explicit null
counts as unset), so that OpenAI's and vLLM's defaults are never mistaken for
something the client wanted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from z1ray.errors import UserError
from z1ray.serving.window.refusals import refuse
from z1ray.window import NO_CAP, Window, WindowConfig, resolve

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WindowedModel:
    """The model of a request, as far as its window depends on it.

    Attributes:
        config: The model's window settings.
        hints: Token ids of each configured hint, by name.
        context: The model's context in tokens, prompt and output together.
    """

    config: WindowConfig
    hints: Mapping[str, tuple[int, ...]]
    context: int


@dataclass(frozen=True, slots=True)
class WindowRequest:
    """What a request says about its window.

    Attributes:
        window: Its resolved window.
        answer_only: Whether only what follows the hint is wanted.
        num_choices: Texts per prompt (``n``).
    """

    window: Window
    answer_only: bool
    num_choices: int


def read_request(fields: Fields, model: WindowedModel) -> WindowRequest:
    """Read a request's window; unset fields take the model's defaults.

    Args:
        fields: What the client set in the body.
        model: The model the request is for.

    Raises:
        UserError: For a field of ours of the wrong type or value, or misspelt; a budget over
            the model's maximum or its context; a limit that leaves no answer token; and
            options under which the cap could not be enforced or accounted for.
    """
    budget, named_by = _budget(fields, model.config)
    refuse(fields, model.config.default_budget if budget is None else budget)
    window = _window(fields, model, budget, named_by)
    if window.budget != NO_CAP and fields.get(limit_field(fields)) is None:
        _refuse_beyond_context(window, model)
    return WindowRequest(window, bool(fields.get("answer_only")), fields.get("n") or 1)


def limit_field(fields: Fields) -> str:
    """The field that limits the generated tokens: ``max_completion_tokens`` wins where both are sent, as in vLLM."""
    return "max_tokens" if fields.get("max_completion_tokens") is None else "max_completion_tokens"


def _window(fields: Fields, model: WindowedModel, budget: int | None, named_by: str) -> Window:
    config, limit = model.config, limit_field(fields)
    hint = model.hints[_hint(fields, config)]
    try:
        return resolve(config, hint, budget, _limit(fields, limit), _grace(fields))
    except UserError as error:
        # The client should read the name it used itself.
        field = {"max_tokens": limit, "thinking_budget": named_by}.get(error.field, error.field)
        value = fields.get(field, error.value)
        raise UserError(field, value, error.problem, error.remedy.replace("max_tokens", limit)) from error


def _budget(fields: Fields, config: WindowConfig) -> tuple[int | None, str]:
    """The budget asked for, None for the model's default, and the field it came from."""
    budget = fields.get("thinking_budget")
    # bool is an int to Python, but no budget to anyone.
    if type(budget) is int:
        return budget, "thinking_budget"
    if budget is not None:
        raise UserError(
            "thinking_budget",
            budget,
            f"a thinking budget is an integer, not {_json_type(budget)}",
            "send -1 (no cap), 0 (straight to the hint) or a token count",
        )
    effort = fields.get("reasoning_effort")
    if effort is None:
        return None, "thinking_budget"
    if not isinstance(effort, str) or effort not in config.efforts:
        raise UserError(
            "reasoning_effort",
            effort,
            "this model has no budget of that name",
            f"send one of: {', '.join(sorted(config.efforts)) or '(none is configured)'}; or a thinking_budget",
        )
    return config.efforts[effort], "reasoning_effort"


def _limit(fields: Fields, name: str) -> int | None:
    """The total limit; vLLM's completions do not check ``max_completion_tokens``."""
    limit = fields.get(name)
    if limit is None or (type(limit) is int and limit >= 0):
        return limit
    problem = "it is below 0" if type(limit) is int else f"a limit is an integer, not {_json_type(limit)}"
    raise UserError(name, limit, problem, "send a token count, or leave it out")


def _hint(fields: Fields, config: WindowConfig) -> str:
    hint = fields.get("hint")
    if hint is not None and not isinstance(hint, str):
        problem = f"a hint is chosen by name, not by {_json_type(hint)}"
        raise UserError("hint", hint, problem, f"send one of: {', '.join(sorted(config.hints))}")
    config.hint_text(hint)
    return config.default_hint if hint is None else hint


def _grace(fields: Fields) -> float | None:
    grace = fields.get("grace")
    if grace is None or (isinstance(grace, int | float) and not isinstance(grace, bool)):
        return grace
    raise UserError(
        "grace", grace, f"it is a share of the thinking budget, not {_json_type(grace)}", "send 0 (exact) to 1"
    )


def _refuse_beyond_context(window: Window, model: WindowedModel) -> None:
    """Refuse a budget that fills the context here: vLLM would name a limit that the client never sent."""
    if window.max_tokens is not None and window.max_tokens >= model.context:
        raise UserError(
            "thinking_budget",
            window.budget,
            f"with the hint and {model.config.answer_tokens} tokens to answer it fills the whole context "
            f"of {model.context} tokens",
            f"send less than {model.context - window.max_tokens + window.budget}, leaving room for the prompt",
        )


def _json_type(value: object) -> str:
    names = {bool: "a boolean", str: "a string", float: "a fraction", int: "a number", list: "an array"}
    return names.get(type(value), "an object")
