"""The requests of a budget sweep, one per question and sample, and their answers as evaluation rows."""

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from z1ray.engine.tokens import (
    chat_token_ids,
    context_length,
    end_token_ids,
    newline_token_ids,
    text_token_ids,
)
from z1ray.errors import UserError
from z1ray.evaluation.config import EvaluateConfig
from z1ray.evaluation.methods import names
from z1ray.evaluation.methods.marks import Marks, marks
from z1ray.evaluation.traces import size
from z1ray.prompts import chat_messages
from z1ray.records import EVALUATION_ROW, Row
from z1ray.resolve import resolve
from z1ray.window import NO_CAP, Window

# What is written of a turn and can be carried on; see ``methods.table.State``.
STATE = [
    pa.field("trace", pa.list_(pa.int32()), nullable=False),
    pa.field("waited", pa.list_(pa.int32()), nullable=False),
    pa.field("draws", pa.list_(pa.list_(pa.int32())), nullable=False),
]

REQUEST = pa.schema(
    [
        pa.field("request_id", pa.string(), nullable=False),  # the id of the first answer it asks for
        pa.field("benchmark", pa.string(), nullable=False),
        pa.field("problem_id", pa.string(), nullable=False),
        pa.field("sample", pa.int32(), nullable=False),
        pa.field("methods", pa.list_(pa.string()), nullable=False),  # of each answer that it asks for
        pa.field("budgets", pa.list_(pa.int32()), nullable=False),  # of the same answers
        *STATE,
    ]
)

ANSWERED = pa.schema(
    [
        pa.field("request_id", pa.string(), nullable=False),
        pa.field("problem_id", pa.string(), nullable=False),
        pa.field("sample", pa.int32(), nullable=False),
        *STATE,
        ("num_generated", pa.int32()),  # tokens that the engine generated for the request
        ("answers", pa.list_(pa.struct(list(EVALUATION_ROW)))),
    ]
)

# Columns of ``STATE`` by problem id and sample.
States = Mapping[tuple[str, int], Row]

_NOTHING: Row = {"trace": (), "waited": (), "draws": ()}


@dataclass(frozen=True, slots=True)
class Question:
    """A problem's prompt as token ids."""

    benchmark: str
    problem_id: str
    prompt: tuple[int, ...]


def row_id(model: str, problem_id: str, budget: int, sample: int, method: str = names.WINDOW) -> str:
    """The stable id of an answer of a model or endpoint."""
    which = "" if method == names.WINDOW else f"{method}#"
    return f"{model}#{problem_id}#{which}{budget}#{sample}"


@dataclass(frozen=True, slots=True)
class Sweep:
    """One model's sweep.

    Attributes:
        model: Its name in the curve.
        windows: One per benchmark and thinking budget.
        breaks: Tokens that end a line.
        ends: Tokens that end a turn.
        marks: What methods put into a run besides the hint.
        context: Tokens of the context, prompt and output together.
    """

    model: str
    windows: dict[tuple[str, int], Window]
    breaks: frozenset[int]
    ends: frozenset[int]
    marks: Marks
    context: int

    def row_id(self, problem_id: str, budget: int, sample: int, method: str = names.WINDOW) -> str:
        """The stable id of an answer."""
        return row_id(self.model, problem_id, budget, sample, method)

    def answer_id(self, row: Row) -> str:
        """The id under which a row's answer is asked for: its own, or that of a vote's first sample."""
        sample = 0 if row["method"] == names.MAJORITY else row["sample"]
        return self.row_id(row["problem_id"], row["thinking_budget"], sample, row["method"])

    def window(self, benchmark: str, budget: int) -> Window:
        """The window of a benchmark and budget; one without a cap need not be in the sweep."""
        return self.windows.get((benchmark, budget)) or Window(budget, (), None)


def sweep(config: EvaluateConfig, name: str) -> Sweep:
    """Resolve every window of the sweep for the model called ``name``.

    Raises:
        UserError: If a method needs tags, and the model has none.
    """
    model = config.models[name]
    own_marks = marks(model)
    if names.TAG_CAPPED in config.methods and not own_marks.tag:
        raise UserError(
            f"evaluate.methods, evaluate.models.{name}",
            f"{names.TAG_CAPPED}, {model}",
            "neither the model's vocabulary nor its chat template has a tag that closes thinking, such as </think>",
            f"leave out {names.TAG_CAPPED}, or evaluate a model that thinks between tags",
        )
    windows = {}
    for source in config.benchmarks:
        hint = text_token_ids(model, config.window.hint_text(config.hints[source.label]))
        own = replace(config.window, answer_tokens=config.answer_tokens[source.label])
        for budget in config.budgets:
            windows[source.label, budget] = resolve(own, hint, budget)
    context = context_length(model, config.engine.max_model_len)
    return Sweep(name, windows, newline_token_ids(model), end_token_ids(model), own_marks, context)


def build_questions(config: EvaluateConfig, swept: Sweep, benchmark: str, problems: list[Row]) -> list[Question]:
    """The prompts of one benchmark.

    Raises:
        UserError: If a question does not fit the context beside its largest window.
    """
    chats = [chat_messages(problem["question"], config.system_prompts[benchmark]) for problem in problems]
    prompts = chat_token_ids(config.models[swept.model], chats)
    questions = [Question(benchmark, p["problem_id"], tuple(ids)) for p, ids in zip(problems, prompts, strict=True)]
    for question in questions:
        for budget in config.budgets:
            _require_room(question, swept.windows[benchmark, budget], swept)
    return questions


def answer_ids(config: EvaluateConfig, swept: Sweep, questions: Sequence[Question]) -> Iterator[str]:
    """The id of every answer of the sweep once; those of a question and sample stand together."""
    for question in questions:
        for sample in range(config.samples):
            for method, budget in _asks(config, sample):
                yield swept.row_id(question.problem_id, budget, sample, method)


def requests(
    config: EvaluateConfig, swept: Sweep, questions: Sequence[Question], answered: Container[str], states: States
) -> Iterator[Row]:
    """A request for each question and sample whose answers are not all there.

    It asks for those that are missing and brings what the model wrote before. The first of them names it, so
    no two requests that are answered have the same id. A vote asks for its first sample.

    Args:
        config: What is asked.
        swept: The model's sweep.
        questions: Its questions.
        answered: Ids of the answers that are there.
        states: What is written already.
    """
    sampling = json.dumps({"temperature": config.temperature, "top_p": config.top_p})
    for question in questions:
        for sample in range(config.samples):
            ids = {ask: swept.row_id(question.problem_id, ask[1], sample, ask[0]) for ask in _asks(config, sample)}
            missing = [ask for ask, row_id in ids.items() if row_id not in answered]
            if missing:
                yield {
                    **states.get((question.problem_id, sample), _NOTHING),
                    "request_id": ids[missing[0]],
                    "benchmark": question.benchmark,
                    "problem_id": question.problem_id,
                    "sample": sample,
                    "methods": [method for method, _ in missing],
                    "budgets": [budget for _, budget in missing],
                    "tokenized_prompt": question.prompt,
                    "sampling": sampling,
                }


def _asks(config: EvaluateConfig, sample: int) -> Iterator[tuple[str, int]]:
    """Method and budget of each answer to a question's sample."""
    budgets = sorted(config.budgets, key=size, reverse=True)
    for method in config.methods:
        if method == names.UNCAPPED:
            yield method, NO_CAP
        elif method != names.MAJORITY or sample == 0:
            yield from ((method, budget) for budget in budgets if budget != NO_CAP or method == names.WINDOW)


def _require_room(question: Question, window: Window, swept: Sweep) -> None:
    num_prompt_tokens, context = len(question.prompt), swept.context
    needed = num_prompt_tokens + (window.max_tokens or 1)
    if window.budget != NO_CAP:
        forced = num_prompt_tokens + window.budget + len(swept.marks.final) + window.answer_tokens
        needed = max(needed, forced)
    if needed > context:
        raise UserError(
            f"problem {question.problem_id!r}: question",
            f"{num_prompt_tokens} tokens",
            f"with thinking budget {window.budget} it needs {needed} of a context of {context}",
            "lower evaluate.budgets or evaluate.window.answer_tokens, or raise evaluate.engine.max_model_len",
        )
