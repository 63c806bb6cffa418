"""Reads a request's window from its fields, or refuses the request.

Pure: the fields arrive as a plain mapping, unset ones missing (an explicit null
counts as unset), so that OpenAI's and vLLM's defaults are never mistaken for
something the client wanted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from z1ray.errors import UserError
from z1ray.resolve import resolve
from z1ray.serving.window.aliases import translate
from z1ray.serving.window.refusals import has_grammar, is_shaped, is_uncappable, refuse, require_tools
from z1ray.window import Window, WindowConfig

Fields = Mapping[str, Any]

ASKED, DEFAULT = "asked", "default"
"""Who set a budget: the client, by a count or an effort, or the model's settings."""


@dataclass(frozen=True, slots=True)
class WindowedModel:
    """The model of a request, as far as its window depends on it.

    Attributes:
        config: The model's window settings.
        hints: Token ids of each configured hint, by name.
        context: The model's context in tokens, prompt and output together.
        max_runs: Most runs of one request: its prompts times its choices.
        tools: Whether its engine reads tool calls.
    """

    config: WindowConfig
    hints: Mapping[str, tuple[int, ...]]
    context: int
    max_runs: int
    tools: bool = False


@dataclass(frozen=True, slots=True)
class Prompts:
    """A request's prompts, as far as its window depends on them.

    Attributes:
        field: The field they came in.
        count: How many there are; each is answered ``n`` times.
        num_tokens: Tokens of the longest; None where the window does not depend on it.
    """

    field: str
    count: int = 1
    num_tokens: int | None = None

    def room(self, context: int) -> int | None:
        """The tokens that the longest leaves of a context; None if it was not counted."""
        return None if self.num_tokens is None else context - self.num_tokens


@dataclass(frozen=True, slots=True)
class WindowRequest:
    """What a request says about its window.

    Attributes:
        window: Its resolved window.
        answer_only: Whether only what follows the hint is wanted.
        num_runs: Sequences to generate: prompts times choices (``n``).
        constrained: Whether a grammar shapes all of the text: such a run is an answer, and thinks nothing.
        beginning: Tokens that the answers begin with, and that the engine gets with the prompt: the hint
            of a budget of 0 before what a grammar shapes or a tool call is read from.
        bounded_by: What set its budget: ``ASKED``, ``DEFAULT``, or the name of a bound (``bounds.py``).
        limited: Whether the client limited the tokens itself.
        deadline_s: Seconds from its arrival in which it wants to be answered; None if it did not say.
        fixed: Whether no cap but the present one could be enforced, whatever else bounds the budget.
    """

    window: Window
    answer_only: bool
    num_runs: int
    constrained: bool = False
    beginning: tuple[int, ...] = ()
    bounded_by: str = DEFAULT
    limited: bool = False
    fixed: bool = False
    deadline_s: float | None = None

    @property
    def lowered_by(self) -> str | None:
        """What lowered its budget below the one asked for or the default; None if nothing did."""
        return None if self.bounded_by in (ASKED, DEFAULT) else self.bounded_by


def depends_on_prompt(sent: Fields) -> bool:
    """True if the window depends on the prompt's length: the request leaves budget or limit open, or has a deadline.

    Raises:
        UserError: As ``read_request`` for the fields of other APIs.
    """
    fields, _ = translate(sent)
    named = any(fields.get(name) is not None for name in ("thinking_budget", "reasoning_effort"))
    open_ended = not named or fields.get(limit_field(fields)) is None
    return open_ended or fields.get("deadline_s") is not None


def read_request(sent: Fields, model: WindowedModel, prompts: Prompts) -> WindowRequest:
    """Read a request's window; unset fields take the model's defaults, as far as there is room for them.

    Args:
        sent: What the client set in the body.
        model: The model the request is for.
        prompts: What it is about.

    Raises:
        UserError: For a field of ours, or of another API's for the same, of the wrong type or value, or
            misspelt; a budget over the model's maximum; a budget or limit that the client named and that leaves
            no answer token; a prompt that fills the context; and options under which the cap could not be
            enforced or accounted for.
    """
    fields, names = translate(sent)
    num_runs = _num_runs(fields, model, prompts)
    try:
        budget = _budget(fields, model.config)
        refuse(fields, model.config.default_budget if budget is None else budget)
        require_tools(fields, model.tools)
        hint = model.hints[_hint(fields, model.config)]
        limit = _limit(fields, limit_field(fields))
        _require_free(fields.get("stop_token_ids"), hint)
        window = resolve(model.config, hint, budget, limit, _grace(fields), _require_room(prompts, model))
    except UserError as error:
        raise _as_sent(error, sent, fields, names, prompts) from error
    beginning = window.hint if window.budget == 0 and is_shaped(fields) else ()
    return WindowRequest(
        window,
        bool(fields.get("answer_only")),
        num_runs,
        has_grammar(fields),
        beginning,
        DEFAULT if budget is None else ASKED,
        limit is not None,
        is_uncappable(fields),
        fields.get("deadline_s"),
    )


def limit_field(fields: Fields) -> str:
    """The field that limits the generated tokens: ``max_completion_tokens`` wins where both are sent, as in vLLM."""
    return "max_tokens" if fields.get("max_completion_tokens") is None else "max_completion_tokens"


def _as_sent(error: UserError, sent: Fields, fields: Fields, names: Mapping[str, str], prompts: Prompts) -> UserError:
    """The refusal in the names that the client used itself."""
    limit, field = limit_field(fields), error.field
    if field == "max_tokens":
        field = limit
    elif field == "thinking_budget" and fields.get(field) is None:
        # Where it named none, it is its prompt that leaves no room.
        field = prompts.field if fields.get("reasoning_effort") is None else "reasoning_effort"
    field = names.get(field, field)
    return UserError(field, sent.get(field, error.value), error.problem, error.remedy.replace("max_tokens", limit))


def _num_runs(fields: Fields, model: WindowedModel, prompts: Prompts) -> int:
    choices = fields.get("n") or 1
    if choices * prompts.count <= model.max_runs:
        return int(choices * prompts.count)
    each = f" for each of {prompts.count} prompts" if prompts.count > 1 else ""
    field, value = ("n", choices) if choices > 1 else (prompts.field, f"{prompts.count} prompts")
    problem = f"{choices} choices{each} are more than one request may have here"
    raise UserError(field, value, problem, f"send {model.max_runs} in all at most, and the rest in further requests")


def _require_room(prompts: Prompts, model: WindowedModel) -> int | None:
    """The room that the prompts leave, which may not be none."""
    room = prompts.room(model.context)
    if room is not None and room < 1:
        problem = f"the prompt fills the model's context of {model.context} tokens"
        raise UserError(prompts.field, f"{prompts.num_tokens} tokens or more", problem, "send a shorter one")
    return room


def _budget(fields: Fields, config: WindowConfig) -> int | None:
    """The budget asked for; None for the model's default."""
    budget, effort, known = fields.get("thinking_budget"), fields.get("reasoning_effort"), config.known_efforts()
    remedy = f"send one of: {', '.join(sorted(known))}; or a thinking_budget"
    if effort is not None and not isinstance(effort, str):
        raise UserError("reasoning_effort", effort, f"an effort is a name, not {_json_type(effort)}", remedy)
    # bool is an int to Python, but no budget to anyone.
    if type(budget) is int:
        return budget
    if budget is not None:
        raise UserError(
            "thinking_budget",
            budget,
            f"a thinking budget is an integer, not {_json_type(budget)}",
            "send -1 (no cap), 0 (straight to the hint) or a token count",
        )
    if effort is None:
        return None
    if effort not in known:
        raise UserError("reasoning_effort", effort, "this model has no budget of that name", remedy)
    return known[effort]


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


def _require_free(stop_token_ids: Any, hint: Sequence[int]) -> None:
    """Refuse stop tokens inside the hint: unlike stop strings, they would end the run there."""
    inside = sorted(set(stop_token_ids or ()) & set(hint))
    if inside:
        problem = f"the hint holds token {inside[0]}, which would end the run before its answer"
        raise UserError("stop_token_ids", stop_token_ids, problem, "leave it out, or send a stop string")


def _grace(fields: Fields) -> float | None:
    grace = fields.get("grace")
    if grace is None or (isinstance(grace, int | float) and not isinstance(grace, bool)):
        return grace
    raise UserError(
        "grace", grace, f"it is a share of the thinking budget, not {_json_type(grace)}", "send 0 (exact) to 1"
    )


def _json_type(value: object) -> str:
    names = {bool: "a boolean", str: "a string", float: "a fraction", int: "a number", list: "an array"}
    return names.get(type(value), "an object")
