"""A server's answer as a row of the sweep, or refused: what it does not tell must not be guessed."""

from dataclasses import dataclass, replace
from typing import Any

from z1ray.errors import UserError
from z1ray.evaluation.config import EvaluateConfig
from z1ray.evaluation.endpoints import LIMIT_FIELDS, WINDOW_FIELD
from z1ray.evaluation.http.requests import Ask, Json
from z1ray.evaluation.methods.names import UNCAPPED, WINDOW
from z1ray.records import EVALUATION_ROW, Row
from z1ray.window import NO_CAP

# Some servers end thinking only at the next step, or some tokens late; what was written is what is counted.
_LATE_TOKENS = 16
_OTHER_SERVER = (
    "for a server without thinking budgets set evaluate.budgets=[-1], or name the field by which it limits "
    "thinking in budget_field, e.g. max_tokens"
)


@dataclass(frozen=True, slots=True)
class _Read:
    """How a run was divided, and by which method it was capped."""

    method: str
    thinking: int
    hint: int
    answer: int
    cut: bool


def read_answer(config: EvaluateConfig, name: str, ask: Ask, answer: Json) -> Row:
    """A chat completion as an ungraded row of ``EVALUATION_ROW``.

    Args:
        config: The sweep.
        name: The endpoint's name.
        ask: What was wanted.
        answer: The server's JSON.

    Raises:
        UserError: If the server did not keep the budget, does not tell what it spent, or has another hint.
    """
    choice = _choice(config, name, ask, answer)
    text, read = choice["message"].get("content") or "", _divided(config, name, ask, answer, choice)
    row = {
        "row_id": ask.row_id,
        "benchmark": ask.benchmark,
        "problem_id": ask.problem_id,
        "model": name,
        "method": read.method,
        "thinking_budget": ask.budget,
        "sample": ask.sample,
        "text": text,
        "thinking_tokens": read.thinking,
        "hint_tokens": read.hint,
        "answer_tokens": read.answer,
        "cut": read.cut,
        "finish_reason": choice.get("finish_reason"),
    }
    return {column: row.get(column) for column in EVALUATION_ROW.names}


def read_hint_tokens(config: EvaluateConfig, name: str, ask: Ask, answer: Json) -> int:
    """The length of the hint of ``ask`` in the server's tokens, from the answer to ``probe``.

    Raises:
        UserError: As ``read_answer``; a server that does not know z1ray's budgets is noticed here.
    """
    choice = _choice(config, name, ask, answer)
    counts = _by_window(config, name, replace(ask, budget=0), choice)
    return counts.hint


def _choice(config: EvaluateConfig, name: str, ask: Ask, answer: Any) -> Json:
    choices = answer.get("choices") if isinstance(answer, dict) else None
    if not choices or not isinstance(choices[0].get("message"), dict):
        remedy = f"check evaluate.endpoints.{name}.url: it is to end where /chat/completions begins"
        raise _refused(config, name, ask, f"answered with no chat completion: {str(answer)[:200]}", remedy)
    choice: Json = choices[0]
    return choice


def _divided(config: EvaluateConfig, name: str, ask: Ask, answer: Json, choice: Json) -> _Read:
    field = config.endpoints[name].budget_field
    if field == WINDOW_FIELD and (ask.budget != NO_CAP or "thinking" in choice):
        return _by_window(config, name, ask, choice)
    if "thinking" in choice:
        remedy = f"set budget_field to {WINDOW_FIELD}"
        raise _refused(config, name, ask, "has thinking budgets of its own, and took its default one", remedy)
    return _by_usage(config, name, ask, answer, field)


def _by_window(config: EvaluateConfig, name: str, ask: Ask, choice: Json) -> _Read:
    """z1ray's own counts, which its endpoint proved against the tokens."""
    told = choice.get("thinking")
    if not isinstance(told, dict) or "budget" not in told:
        raise _refused(config, name, ask, f"ignores {WINDOW_FIELD}: its answer has no `thinking` counts", _OTHER_SERVER)
    if told["budget"] != ask.budget:
        remedy = "ask a z1ray endpoint directly, without a proxy that changes requests"
        raise _refused(config, name, ask, f"kept a thinking budget of {told['budget']} instead", remedy)
    if told["cut"]:
        _require_hint(config, name, ask, choice)
    return _Read(WINDOW, told["thinking_tokens"], told["hint_tokens"], told["answer_tokens"], told["cut"])


def _require_hint(config: EvaluateConfig, name: str, ask: Ask, choice: Json) -> None:
    """Grading reads from the hint on, so the server's has to be the configured one."""
    told, text = choice["thinking"], choice["message"].get("content") or ""
    hint, wanted = config.hints[ask.benchmark], config.window.hint_text(config.hints[ask.benchmark])
    found = text[told["hint_start"] or 0 : told["answer_start"]]
    if found != wanted:
        remedy = f"give evaluate.window.hints.{hint} the text that the endpoint's own configuration has"
        raise _refused(config, name, ask, f"has {found!r} as its hint {hint!r}, not {wanted!r}", remedy)


def _by_usage(config: EvaluateConfig, name: str, ask: Ask, answer: Json, field: str | None) -> _Read:
    """The counts that OpenAI's API has: all tokens, and perhaps those of the reasoning among them.

    Where no reasoning is set apart, all of a run counts as thinking, as it does for a run that was not cut.
    """
    usage = answer.get("usage") or {}
    total = usage.get("completion_tokens")
    reasoning = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens")
    if total is None:
        remedy = "ask a server that reports usage.completion_tokens: the curve is about tokens"
        raise _refused(config, name, ask, "does not tell how many tokens it generated", remedy)
    if field is None or field == WINDOW_FIELD:
        return _Read(UNCAPPED, reasoning or total, 0, total - (reasoning or total), cut=False)
    if field in LIMIT_FIELDS:
        _require_kept(config, name, ask, field, total)
        return _Read(field, reasoning or total, 0, total - (reasoning or total), cut=False)
    if reasoning is None:
        remedy = "start it so that it reports usage.completion_tokens_details.reasoning_tokens, or use max_tokens"
        raise _refused(config, name, ask, "does not tell which of its tokens were thinking", remedy)
    _require_kept(config, name, ask, field, reasoning - _LATE_TOKENS)
    return _Read(field, reasoning, 0, total - reasoning, cut=ask.budget != NO_CAP and reasoning >= ask.budget)


def _require_kept(config: EvaluateConfig, name: str, ask: Ask, field: str, spent: int) -> None:
    if ask.budget != NO_CAP and spent > ask.budget:
        raise _refused(config, name, ask, f"ignores {field}: it spent {spent} tokens or more", _OTHER_SERVER)


def _refused(config: EvaluateConfig, name: str, ask: Ask, what: str, remedy: str) -> UserError:
    url = config.endpoints[name].url
    return UserError(f"evaluate.endpoints.{name}", ask.row_id, f"the server at {url} {what}", remedy)
