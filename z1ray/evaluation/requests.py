"""The requests of a budget sweep, traces and branches, and their answers as evaluation rows."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from z1ray.engine.args import extra_args
from z1ray.engine.tokens import chat_token_ids, context_length, newline_token_ids, text_token_ids, tokenizer
from z1ray.errors import UserError
from z1ray.evaluation.config import EvaluateConfig
from z1ray.evaluation.traces import Trace, serving, size
from z1ray.prompts import chat_messages
from z1ray.records import EVALUATION_ROW, Row, request_seed
from z1ray.window import Window, account, resolve

METHOD = "shifted_thinking_window"

REQUEST = pa.schema(
    [
        pa.field("row_id", pa.string(), nullable=False),
        pa.field("benchmark", pa.string(), nullable=False),
        pa.field("problem_id", pa.string(), nullable=False),
        pa.field("thinking_budget", pa.int32(), nullable=False),
        pa.field("sample", pa.int32(), nullable=False),
        pa.field("shown", pa.list_(pa.int32()), nullable=False),  # the run's tokens that the prompt ends with
    ]
)

ANSWERED = pa.schema(
    [
        *EVALUATION_ROW,
        ("token_ids", pa.list_(pa.int32())),  # a trace's whole run; null for a branch
        ("num_generated", pa.int32()),  # tokens of the run that were generated for this row
    ]
)

# By problem id and sample.
Traces = Mapping[tuple[str, int], Sequence[Trace]]


@dataclass(frozen=True, slots=True)
class Question:
    """A problem's prompt as token ids."""

    benchmark: str
    problem_id: str
    prompt: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sweep:
    """The windows of one model's sweep, one per benchmark and thinking budget; the model's line ends and context."""

    model: str
    windows: dict[tuple[str, int], Window]
    breaks: frozenset[int]
    context: int

    def row_id(self, problem_id: str, budget: int, sample: int) -> str:
        """The stable id of an answer and of its request."""
        return f"{self.model}#{problem_id}#{budget}#{sample}"


def sweep(config: EvaluateConfig, name: str) -> Sweep:
    """Resolve every window of the sweep for the model called ``name``."""
    model = config.models[name]
    windows = {}
    for source in config.benchmarks:
        hint = text_token_ids(model, config.window.hint_text(config.hints[source.label]))
        own = replace(config.window, answer_tokens=config.answer_tokens[source.label])
        for budget in config.budgets:
            windows[source.label, budget] = resolve(own, hint, budget)
    return Sweep(name, windows, newline_token_ids(model), context_length(model, config.engine.max_model_len))


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
            _limit(question, swept.windows[benchmark, budget], swept.context)
    return questions


def trace_requests(config: EvaluateConfig, swept: Sweep, questions: Sequence[Question], traces: Traces) -> list[Row]:
    """A run at the largest budget for each question and sample that no trace serves there yet."""
    budget = max(config.budgets, key=size)
    return [
        _request(config, swept, question, budget, sample, ())
        for question in questions
        for sample in range(config.samples)
        if serving(traces.get((question.problem_id, sample), ()), budget) is None
    ]


def branch_requests(
    config: EvaluateConfig, swept: Sweep, questions: Sequence[Question], traces: Traces
) -> Iterator[Row]:
    """The answers that are not their trace itself; a trace's branches stand together, longest first.

    So the first branch fills vLLM's prefix cache, and the others find their whole thinking in it.
    """
    for question, sample, budget, trace in served(config, questions, traces):
        shown = trace.shown(swept.windows[question.benchmark, budget], swept.breaks)
        if shown is not None:
            yield _request(config, swept, question, budget, sample, shown)


def served(
    config: EvaluateConfig, questions: Sequence[Question], traces: Traces
) -> Iterator[tuple[Question, int, int, Trace]]:
    """Every answer of the sweep as question, sample, budget and the trace that serves it, largest budgets first."""
    budgets = sorted(config.budgets, key=size, reverse=True)
    for question in questions:
        for sample in range(config.samples):
            for budget in budgets:
                trace = serving(traces[question.problem_id, sample], budget)
                assert trace is not None, "a trace is missing"
                yield question, sample, budget, trace


def evaluation_row(row: Row, *, swept: Sweep, model: str) -> Row:
    """An answered request as an ungraded row of ``ANSWERED``: what one run under the window would have given.

    Args:
        row: The request with its completion.
        swept: The sweep it belongs to.
        model: Folder or hub name.

    Raises:
        RuntimeError: If the engine refused the request: a curve has no holes.
    """
    if row["error"]:
        raise RuntimeError(f"evaluation request {row['row_id']} failed: {row['error']}")
    shown = tokenizer(model).decode(row["shown"], skip_special_tokens=True, clean_up_tokenization_spaces=False)
    run = {
        **row,
        "model": swept.model,
        "method": METHOD,
        "text": shown + row["text"],
        "token_ids": [*row["shown"], *row["token_ids"]],
        "num_generated": len(row["token_ids"]),
    }
    return under_budget(run, swept, row["thinking_budget"]) | ({"token_ids": None} if row["shown"] else {})


def under_budget(run: Row, swept: Sweep, budget: int) -> Row:
    """A run's row as that of ``budget``, under which it is the same run, with its tokens accounted for."""
    counts = account(swept.windows[run["benchmark"], budget], run["token_ids"], swept.breaks)
    return {name: run.get(name) for name in ANSWERED.names} | {
        "row_id": swept.row_id(run["problem_id"], budget, run["sample"]),
        "thinking_budget": budget,
        "thinking_tokens": counts.thinking_tokens,
        "hint_tokens": counts.hint_tokens,
        "answer_tokens": counts.answer_tokens,
        "cut": counts.cut,
    }


def _request(
    config: EvaluateConfig, swept: Sweep, question: Question, budget: int, sample: int, shown: Sequence[int]
) -> Row:
    """A trace's request if nothing is shown yet, else a branch's.

    A trace's seed does not depend on its budget: one that is made anew with a larger budget takes the same draws.
    """
    window = swept.windows[question.benchmark, budget]
    seeded = f"{question.problem_id}#{sample}#{budget}" if shown else f"{question.problem_id}#{sample}"
    params = {
        "temperature": config.temperature,
        "top_p": config.top_p,
        "max_tokens": _limit(question, window, swept.context) - len(shown),
        "seed": request_seed(config.seed, seeded),
        "extra_args": {} if shown else extra_args(window),
    }
    return {
        "row_id": swept.row_id(question.problem_id, budget, sample),
        "benchmark": question.benchmark,
        "problem_id": question.problem_id,
        "thinking_budget": budget,
        "sample": sample,
        "shown": list(shown),
        "tokenized_prompt": [*question.prompt, *shown],
        "sampling": json.dumps(params, sort_keys=True),
    }


def _limit(question: Question, window: Window, context: int) -> int:
    num_prompt_tokens = len(question.prompt)
    limit = context - num_prompt_tokens if window.max_tokens is None else window.max_tokens
    if limit < 1 or num_prompt_tokens + limit > context:
        raise UserError(
            f"problem {question.problem_id!r}: question",
            f"{num_prompt_tokens} tokens",
            f"with thinking budget {window.budget} it needs {num_prompt_tokens + limit} of a context of {context}",
            "lower evaluate.budgets or evaluate.window.answer_tokens, or raise evaluate.engine.max_model_len",
        )
    return limit
