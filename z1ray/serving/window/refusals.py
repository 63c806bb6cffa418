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

from z1ray.engine.args import BEGINNING_ARG, BUDGET_ARG, GRACE_ARG, HINT_ARG
from z1ray.errors import UserError
from z1ray.serving.window.aliases import ALIASES, ROOTS, SHARED
from z1ray.window import NO_CAP

Fields = Mapping[str, Any]

WINDOW_FIELDS = (
    *("thinking_budget", "hint", "grace", "answer_only", "reasoning_effort", "deadline_s"),
    *("conversation_id", "conversation_budget"),
)
"""The fields z1ray adds to OpenAI's, or gives a meaning of its own."""

_LONGEST_DEADLINE_S = 86_400
_LIKENESS = 0.8
# From that length on, a name that contains another means it: ``max_thinking_budget``.
_TELLING = 10

# Options that force or forbid tokens over the whole text, or read all of it, and the values under which they do.
_SHAPING: dict[str, Callable[[Any, Fields], bool]] = {
    "structured_outputs": lambda value, fields: True,
    "response_format": lambda value, fields: bool(value.get("type") != "text"),
    "tools": lambda value, fields: bool(value) and fields.get("tool_choice") != "none",
}
_UNENFORCEABLE = {"use_beam_search": lambda value, fields: bool(value), **_SHAPING}


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
                _require_beginning(name, value, fields, budget)
        else:
            _refuse_misspelt(name, value)


def _require_beginning(name: str, value: Any, fields: Fields, budget: int) -> None:
    """Refuse what shapes the text under any budget but 0, where the hint comes first and can be given beforehand."""
    uncapped = "thinking_budget -1 (no cap) with it, where the model may run without one"
    if name in _SHAPING and budget == 0:
        for other in ("logprobs", "prompt_logprobs"):
            # In plain completions it is a count, and 0 asks for the sampled token's own.
            if fields.get(other) is not None and fields[other] is not False:
                problem = f"there are none of the hint that comes before {name}"
                raise UserError(
                    other, fields[other], problem, "send only one of the two, or thinking_budget -1 (no cap)"
                )
        return
    problem = f"a thinking budget ({budget} here) cannot be enforced together with it"
    straight = "thinking_budget 0 (straight to the hint, then this), or " if name in _SHAPING else ""
    raise UserError(name, value, problem, f"send {straight}{uncapped}, or leave it out")


def require_tools(fields: Fields, tools: bool) -> None:
    """Refuse tools where the engine does not read tool calls: to do without a cap would not help.

    Raises:
        UserError: Naming ``tools``.
    """
    asked = fields.get("tools")
    if asked and not tools and _UNENFORCEABLE["tools"](asked, fields):
        problem = "this model's engine has no parser of tool calls"
        raise UserError("tools", asked, problem, "leave it out; the operator may set engine.tool_parser")


def is_shaped(fields: Fields) -> bool:
    """True if a grammar shapes the text, or tool calls are read from it."""
    return any(fields.get(name) is not None and shapes(fields[name], fields) for name, shapes in _SHAPING.items())


def is_uncappable(fields: Fields) -> bool:
    """True if the request has an option beside which no budget can be enforced, or only 0."""
    return any(fields.get(name) is not None and holds(fields[name], fields) for name, holds in _UNENFORCEABLE.items())


def has_grammar(fields: Fields) -> bool:
    """True if the request has a grammar shape the text: structured output, or a tool call that must come."""
    output = fields.get("response_format")
    forced_call = bool(fields.get("tools")) and fields.get("tool_choice") not in (None, "auto", "none")
    json_output = isinstance(output, Mapping) and output.get("type") != "text"
    return fields.get("structured_outputs") is not None or json_output or forced_call


def _refuse_misspelt(name: str, value: object) -> None:
    meant = None if name in WINDOW_FIELDS else _meant(name)
    if meant:
        raise UserError(name, value, "no field of that name is known", f"did you mean {meant}?")


@lru_cache(maxsize=256)
def _meant(name: str) -> str | None:
    """The field that a name resembles; cached, since clients send the same names over and over."""
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])|-", "_", name).lower()
    for known in (*WINDOW_FIELDS, *sorted(ROOTS - SHARED)):
        if len(known) >= _TELLING and known in plain:
            return known
    # A slip of the pen is seldom the first letter: ``trace`` is no ``grace``.
    known_names = [known for known in (*WINDOW_FIELDS, *sorted(ROOTS)) if known[0] == plain[:1]]
    return next(iter(difflib.get_close_matches(plain, known_names, n=1, cutoff=_LIKENESS)), None)


def _check_inside(outer: str) -> Callable[[Any, Fields], None]:
    """For an object that holds other things than the window's: what resembles a field of it is not read there."""

    def check(value: Any, fields: Fields) -> None:
        for name, inner in value.items() if isinstance(value, Mapping) else ():
            if f"{outer}.{name}" in ALIASES or inner is None:
                continue
            if meant := name if name in WINDOW_FIELDS else _meant(name):
                problem = "a field of that name is not read here"
                raise UserError(f"{outer}.{name}", inner, problem, f"send {meant} in the body itself")

    return check


def _check_engine_arguments(value: Any, fields: Fields) -> None:
    """A client that could set the engine's arguments itself could lift the server's cap."""
    for name in (BUDGET_ARG, HINT_ARG, GRACE_ARG, BEGINNING_ARG):
        if name in value:
            remedy = "send thinking_budget, hint and grace as fields of the request itself"
            raise UserError(f"vllm_xargs.{name}", value[name], "this argument belongs to the server", remedy)


def _check_answer_only(value: Any, fields: Fields) -> None:
    if not isinstance(value, bool):
        raise UserError("answer_only", value, "it is true or false", "send true or false")


def _check_deadline(value: Any, fields: Fields) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _LONGEST_DEADLINE_S:
        problem = "a deadline is a number of seconds from the request's arrival"
        raise UserError("deadline_s", value, problem, f"send more than 0 and at most {_LONGEST_DEADLINE_S}")


def _check_logprobs(value: Any, fields: Fields) -> None:
    # In plain completions it is a count, and 0 asks for the sampled token's own.
    if fields.get("answer_only") and value is not False:
        problem = "log probabilities are given for all tokens, and answer_only leaves text out"
        raise UserError("logprobs", value, problem, "send only one of the two")


def _check_echo(value: Any, fields: Fields) -> None:
    if value:
        problem = "the response holds generated tokens only, which is what it counts"
        raise UserError("echo", True, problem, "leave it out and put the prompt before the text yourself")


_CHECKS: dict[str, Callable[[Any, Fields], None]] = {
    **{outer: _check_inside(outer) for outer in ("extra_body", *SHARED)},
    "vllm_xargs": _check_engine_arguments,
    "answer_only": _check_answer_only,
    "deadline_s": _check_deadline,
    "logprobs": _check_logprobs,
    "echo": _check_echo,
}
