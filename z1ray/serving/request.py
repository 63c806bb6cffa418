"""What a client asks of the window: from request fields to a resolved window, or a refusal.

Pure: the fields arrive as a plain mapping, unset ones missing (an explicit null
counts as unset), so that OpenAI's and vLLM's defaults are never mistaken for
something the client wanted.
"""

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from z1ray.engine.args import BUDGET_ARG, HINT_ARG
from z1ray.errors import UserError
from z1ray.window import NO_CAP, Window, WindowConfig, resolve

Fields = Mapping[str, Any]

WINDOW_FIELDS = ("thinking_budget", "hint")
"""The fields z1ray adds to OpenAI's."""

CHAT_FIELDS = (
    "max_tokens",
    "max_completion_tokens",
    "use_beam_search",
    "structured_outputs",
    "response_format",
    "tools",
    "tool_choice",
    "vllm_xargs",
)
"""The fields of a chat request that bear on its window."""

COMPLETION_FIELDS = (*CHAT_FIELDS, "echo")
"""The same for a plain completion."""


@dataclass(frozen=True, slots=True)
class WindowModel:
    """What a request's window depends on beside the request.

    Attributes:
        config: The model's window settings.
        hints: Token ids of each configured hint, by name.
        context: The model's context in tokens, prompt and output together.
    """

    config: WindowConfig
    hints: Mapping[str, tuple[int, ...]]
    context: int


def window_of(fields: Fields, model: WindowModel) -> Window:
    """Resolve the window a request asks for; the model's default where it asks for none.

    Args:
        fields: What the client set among ``WINDOW_FIELDS`` and ``CHAT_FIELDS`` or ``COMPLETION_FIELDS``.
        model: The model asked.

    Raises:
        UserError: For a budget or hint of the wrong type or value, a limit that leaves
            no answer token, a budget beyond the context, engine arguments that are not
            the client's to set, and options under which the cap could not be enforced.
    """
    budget, hint = _budget(fields), _hint(fields)
    model.config.hint_text(hint)
    _refuse_engine_arguments(fields)
    _refuse_echo(fields)
    limit = limit_field(fields)
    try:
        window = resolve(model.config, model.hints[hint or model.config.default_hint], budget, fields.get(limit))
    except UserError as error:
        # The client should read the name it used itself.
        field = limit if error.field == "max_tokens" else error.field
        remedy = error.remedy.replace("max_tokens", limit)
        raise UserError(field, error.value, error.problem, remedy) from error
    if window.budget != NO_CAP:
        _refuse_unenforceable(fields, window.budget)
        if fields.get(limit) is None:
            _refuse_beyond_context(window, model)
    return window


def limit_field(fields: Fields) -> str:
    """The field that limits the run: ``max_completion_tokens`` wins where both are sent, as in vLLM."""
    return "max_tokens" if fields.get("max_completion_tokens") is None else "max_completion_tokens"


def refusal(error: UserError) -> dict[str, Any]:
    """The ``error`` object of an OpenAI response for a request that was refused with 400."""
    message = f"{error.field} = {reprlib.repr(error.value)}: {error.problem}; {error.remedy}"
    return {"message": message, "type": "invalid_request_error", "param": error.field, "code": 400}


def _budget(fields: Fields) -> int | None:
    budget = fields.get("thinking_budget")
    # bool is an int to Python, but no budget to anyone.
    if budget is None or type(budget) is int:
        return budget
    raise UserError(
        "thinking_budget",
        budget,
        f"a thinking budget is an integer, not {_json_type(budget)}",
        "send -1 (no cap), 0 (straight to the hint) or a token count",
    )


def _hint(fields: Fields) -> str | None:
    hint = fields.get("hint")
    if hint is None or isinstance(hint, str):
        return hint
    raise UserError(
        "hint", hint, f"a hint is chosen by name, not by {_json_type(hint)}", "send the name of a configured hint"
    )


def _refuse_engine_arguments(fields: Fields) -> None:
    """A client that could set the engine's arguments itself could lift the server's cap."""
    for name in (BUDGET_ARG, HINT_ARG):
        if name in (fields.get("vllm_xargs") or {}):
            raise UserError(
                f"vllm_xargs.{name}",
                fields["vllm_xargs"][name],
                "this argument belongs to the server",
                "send thinking_budget and hint as fields of the request itself",
            )


def _refuse_beyond_context(window: Window, model: WindowModel) -> None:
    """VLLM would name a limit that the client never sent."""
    if window.max_tokens is not None and window.max_tokens >= model.context:
        raise UserError(
            "thinking_budget",
            window.budget,
            f"with the hint and {model.config.answer_tokens} tokens to answer it fills the whole context "
            f"of {model.context} tokens",
            f"send less than {model.context - window.max_tokens + window.budget}, leaving room for the prompt",
        )


def _refuse_echo(fields: Fields) -> None:
    if fields.get("echo"):
        raise UserError(
            "echo",
            True,
            "the response holds generated tokens only, which is what it counts",
            "leave it out and put the prompt before the text yourself",
        )


def _refuse_unenforceable(fields: Fields, budget: int) -> None:
    """Refuse what fights with forced tokens: grammars over the whole text, and beams."""
    response_format = fields.get("response_format")
    fighting = {
        "use_beam_search": bool(fields.get("use_beam_search")),
        "structured_outputs": fields.get("structured_outputs") is not None,
        "response_format": response_format is not None and response_format.get("type") != "text",
        "tools": bool(fields.get("tools")) and fields.get("tool_choice") != "none",
    }
    for name, fights in fighting.items():
        if fights:
            raise UserError(
                name,
                fields[name],
                f"a thinking budget ({budget} here) cannot be enforced together with it",
                "send thinking_budget -1 (no cap) with it, or leave it out",
            )


def _json_type(value: object) -> str:
    names = {bool: "a boolean", str: "a string", float: "a fraction", int: "a number", list: "an array"}
    return names.get(type(value), "an object")
