"""The chat requests of a budget sweep over HTTP."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from z1ray.evaluation.config import EvaluateConfig
from z1ray.evaluation.endpoints import LIMIT_FIELDS, WINDOW_FIELD
from z1ray.evaluation.requests import row_id
from z1ray.evaluation.traces import size
from z1ray.prompts import chat_messages
from z1ray.records import Row, request_seed
from z1ray.resolve import resolve
from z1ray.window import NO_CAP

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ask:
    """One answer that is wanted."""

    row_id: str
    benchmark: str
    problem_id: str
    question: str
    budget: int
    sample: int


def asks(config: EvaluateConfig, name: str, problems: Mapping[str, list[Row]]) -> Iterator[Ask]:
    """Every answer of the sweep; those to one problem side by side, whose prompt the server then has in its cache.

    Args:
        config: The sweep.
        name: The endpoint's name.
        problems: Problem rows by benchmark label.
    """
    for label, some in problems.items():
        for problem in some:
            for sample in range(config.samples):
                for budget in sorted(config.budgets, key=size, reverse=True):
                    problem_id = problem["problem_id"]
                    yield Ask(
                        row_id(name, problem_id, budget, sample), label, problem_id, problem["question"], budget, sample
                    )


def body(config: EvaluateConfig, name: str, ask: Ask, hint_tokens: Mapping[str, int]) -> Json:
    """The JSON body of one chat request.

    Args:
        config: The sweep.
        name: The endpoint's name.
        ask: What is wanted.
        hint_tokens: Length of each hint in the server's tokens, by hint name; read for z1ray's endpoints only.
    """
    made, field = _chat(config, name, ask), config.endpoints[name].budget_field
    if field == WINDOW_FIELD:
        return made | _window(config, ask, hint_tokens)
    if field is None or ask.budget == NO_CAP:
        return made
    limit = {} if field in LIMIT_FIELDS else {"max_tokens": ask.budget + config.answer_tokens[ask.benchmark]}
    return made | limit | {field: ask.budget}


def probe(config: EvaluateConfig, name: str, ask: Ask) -> Json:
    """A request that goes straight to the hint of ``ask``, so that its answer tells how many tokens the hint has."""
    hint = config.hints[ask.benchmark]
    # A token stands for a byte or more; one is left to answer with.
    limit = len(config.window.hint_text(hint).encode()) + 1
    return _chat(config, name, ask) | {WINDOW_FIELD: 0, "hint": hint, "grace": 0, "max_tokens": limit}


def _chat(config: EvaluateConfig, name: str, ask: Ask) -> Json:
    """The question and the sampling."""
    made = {
        "model": config.endpoints[name].model,
        "messages": chat_messages(ask.question, config.system_prompts[ask.benchmark]),
        "temperature": config.temperature,
        "top_p": config.top_p,
    }
    # The seed is a trace's: all budgets take the same draws. Greedy, some servers would refuse the field for nothing.
    seed = request_seed(config.seed, f"{ask.problem_id}#{ask.sample}")
    return made | ({"seed": seed} if config.temperature > 0 else {})


def _window(config: EvaluateConfig, ask: Ask, hint_tokens: Mapping[str, int]) -> Json:
    if ask.budget == NO_CAP:
        return {WINDOW_FIELD: NO_CAP}
    hint = config.hints[ask.benchmark]
    own = replace(config.window, answer_tokens=config.answer_tokens[ask.benchmark])
    # Only the number of the hint's tokens matters to the limit, and the server has told no more.
    window = resolve(own, (0,) * hint_tokens[hint], ask.budget)
    return {WINDOW_FIELD: ask.budget, "hint": hint, "grace": own.grace, "max_tokens": window.max_tokens}
