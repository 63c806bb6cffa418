"""Requests that are refused rather than answered otherwise than asked.

Two kinds: bodies whose fields mean something to their sender that nobody here
would act on (a misspelt ``thinking_budget`` would run under the default one),
and options under which a cap would be accepted and not enforced.
"""

import difflib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from z1ray.engine.args import BUDGET_ARG, GRACE_ARG, HINT_ARG
from z1ray.errors import UserError

Fields = Mapping[str, Any]

WINDOW_FIELDS = ("thinking_budget", "hint", "grace", "answer_only", "reasoning_effort")
"""The fields z1ray adds to OpenAI's, or gives a meaning of its own."""

# The same wish as other APIs spell it: a client that sends one of them expects a cap.
_ELSEWHERE = {
    "thinking_token_budget": "vLLM's",
    "thinking": "Anthropic's",
    "reasoning": "OpenRouter's",
    "max_thinking_tokens": "others'",
    "reasoning_budget": "others'",
}
_LIKENESS = 0.8
_MOST_CHOICES = 128  # OpenAI's own limit


def refuse_unreadable(fields: Fields) -> None:
    """Refuse what would be overlooked, or could not be accounted for.

    Raises:
        UserError: Naming the field, its value and what to send instead.
    """
    for name in fields:
        _refuse_misspelt(name, fields[name])
    _refuse_nested(fields)
    _refuse_engine_arguments(fields)
    answer_only = fields.get("answer_only")
    if not isinstance(answer_only, bool | None):
        raise UserError("answer_only", answer_only, "it is true or false", "send true or false")
    logprobs = fields.get("logprobs")
    # Plain completions count them, and 0 asks for the chosen token's own.
    if answer_only and logprobs is not None and logprobs is not False:
        problem = "log probabilities are given for all tokens, and answer_only leaves text out"
        raise UserError("logprobs", logprobs, problem, "send only one of the two")
    if fields.get("echo"):
        problem = "the response holds generated tokens only, which is what it counts"
        raise UserError("echo", True, problem, "leave it out and put the prompt before the text yourself")
    num_choices = fields.get("n")
    if num_choices is not None and num_choices > _MOST_CHOICES:
        raise UserError("n", num_choices, "too many choices for one request", f"send {_MOST_CHOICES} at most")


def refuse_unenforceable(fields: Fields, budget: int) -> None:
    """Refuse what fights with forced tokens: grammars over the whole text, and beams.

    Raises:
        UserError: Naming the field that stands in the way of the budget.
    """
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


def _refuse_misspelt(name: str, value: object) -> None:
    if name in WINDOW_FIELDS or value is None:
        return
    if name in _ELSEWHERE:
        problem = f"this is {_ELSEWHERE[name]} way to limit reasoning"
        raise UserError(name, value, problem, "send thinking_budget (a token count) or reasoning_effort")
    meant = _meant(name)
    if meant:
        raise UserError(name, value, "no field of that name is known", f"did you mean {meant}?")


@lru_cache(maxsize=256)
def _meant(name: str) -> str | None:
    """The field of ours that a name is nearly; remembered, since clients send the same names over and over."""
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])|-", "_", name).lower()
    return next(iter(difflib.get_close_matches(plain, WINDOW_FIELDS, n=1, cutoff=_LIKENESS)), None)


def _refuse_nested(fields: Fields) -> None:
    """Fields of ours inside an object that nobody reads."""
    for outer in ("extra_body", "chat_template_kwargs"):
        inner: Any = fields.get(outer)
        for name in WINDOW_FIELDS if isinstance(inner, Mapping) else ():
            if name in inner:
                raise UserError(
                    f"{outer}.{name}", inner[name], "this field belongs in the body itself", f"move it out of {outer}"
                )


def _refuse_engine_arguments(fields: Fields) -> None:
    """A client that could set the engine's arguments itself could lift the server's cap."""
    arguments = fields.get("vllm_xargs") or {}
    for name in (BUDGET_ARG, HINT_ARG, GRACE_ARG):
        if name in arguments:
            raise UserError(
                f"vllm_xargs.{name}",
                arguments[name],
                "this argument belongs to the server",
                "send thinking_budget, hint and grace as fields of the request itself",
            )
