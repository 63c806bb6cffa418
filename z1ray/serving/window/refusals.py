"""Requests that are refused because the endpoint would not do what they ask for.

Two kinds: bodies with a field that means a cap to its sender and nothing to the
endpoint (a misspelt ``thinking_budget`` would run under the default one), and
options under which a cap could not be enforced or the tokens not be counted.
"""

import difflib
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from z1ray.engine.args import BUDGET_ARG, GRACE_ARG, HINT_ARG
from z1ray.errors import UserError
from z1ray.window import NO_CAP

Fields = Mapping[str, Any]

WINDOW_FIELDS = ("thinking_budget", "hint", "grace", "answer_only", "reasoning_effort")
"""The fields z1ray adds to OpenAI's, or gives a meaning of its own."""

# The fields by which other APIs limit reasoning: a client that sends one of them expects a cap.
_OTHER_APIS = {
    "thinking_token_budget": "vLLM's",
    "thinking": "Anthropic's",
    "reasoning": "OpenRouter's",
    "max_thinking_tokens": "others'",
    "reasoning_budget": "others'",
}
_LIKENESS = 0.8
_MOST_CHOICES = 128  # OpenAI's own limit

# Options that force or forbid tokens over the whole text, and the values under which they do.
_UNENFORCEABLE: dict[str, Callable[[Any, Fields], bool]] = {
    "use_beam_search": lambda value, fields: bool(value),
    "structured_outputs": lambda value, fields: True,
    "response_format": lambda value, fields: bool(value.get("type") != "text"),
    "tools": lambda value, fields: bool(value) and fields.get("tool_choice") != "none",
}


def refuse(fields: Fields, budget: int) -> None:
    """Refuse a request that could not be answered as its sender means it.

    Args:
        fields: What the client set in the body; a null counts as unset.
        budget: The thinking budget it would get.

    Raises:
        UserError: Naming the field, its value and what to send instead.
    """
    for name, value in fields.items():
        if value is None:
            continue
        if name in _CHECKS:
            _CHECKS[name](value, fields)
        elif name in _UNENFORCEABLE:
            if budget != NO_CAP and _UNENFORCEABLE[name](value, fields):
                problem = f"a thinking budget ({budget} here) cannot be enforced together with it"
                raise UserError(name, value, problem, "send thinking_budget -1 (no cap) with it, or leave it out")
        else:
            _refuse_misspelt(name, value)


def _refuse_misspelt(name: str, value: object) -> None:
    if name in WINDOW_FIELDS:
        return
    if name in _OTHER_APIS:
        problem = f"this is {_OTHER_APIS[name]} way to limit reasoning"
        raise UserError(name, value, problem, "send thinking_budget (a token count) or reasoning_effort")
    meant = _meant(name)
    if meant:
        raise UserError(name, value, "no field of that name is known", f"did you mean {meant}?")


@lru_cache(maxsize=256)
def _meant(name: str) -> str | None:
    """The window field that a name resembles; cached, since clients send the same names over and over."""
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])|-", "_", name).lower()
    return next(iter(difflib.get_close_matches(plain, WINDOW_FIELDS, n=1, cutoff=_LIKENESS)), None)


def _check_nested(outer: str, value: Any, fields: Fields) -> None:
    """Window fields inside an object that the endpoint does not read."""
    for name in WINDOW_FIELDS if isinstance(value, Mapping) else ():
        if name in value:
            problem, remedy = "this field belongs in the body itself", f"move it out of {outer}"
            raise UserError(f"{outer}.{name}", value[name], problem, remedy)


def _check_engine_arguments(value: Any, fields: Fields) -> None:
    """A client that could set the engine's arguments itself could lift the server's cap."""
    for name in (BUDGET_ARG, HINT_ARG, GRACE_ARG):
        if name in value:
            remedy = "send thinking_budget, hint and grace as fields of the request itself"
            raise UserError(f"vllm_xargs.{name}", value[name], "this argument belongs to the server", remedy)


def _check_answer_only(value: Any, fields: Fields) -> None:
    if not isinstance(value, bool):
        raise UserError("answer_only", value, "it is true or false", "send true or false")


def _check_logprobs(value: Any, fields: Fields) -> None:
    # In plain completions it is a count, and 0 asks for the sampled token's own.
    if fields.get("answer_only") and value is not False:
        problem = "log probabilities are given for all tokens, and answer_only leaves text out"
        raise UserError("logprobs", value, problem, "send only one of the two")


def _check_echo(value: Any, fields: Fields) -> None:
    if value:
        problem = "the response holds generated tokens only, which is what it counts"
        raise UserError("echo", True, problem, "leave it out and put the prompt before the text yourself")


def _check_num_choices(value: Any, fields: Fields) -> None:
    if value > _MOST_CHOICES:
        raise UserError("n", value, "too many choices for one request", f"send {_MOST_CHOICES} at most")


_CHECKS: dict[str, Callable[[Any, Fields], None]] = {
    "extra_body": lambda value, fields: _check_nested("extra_body", value, fields),
    "chat_template_kwargs": lambda value, fields: _check_nested("chat_template_kwargs", value, fields),
    "vllm_xargs": _check_engine_arguments,
    "answer_only": _check_answer_only,
    "logprobs": _check_logprobs,
    "echo": _check_echo,
    "n": _check_num_choices,
}
