"""The requests of a budget sweep, and their answers as evaluation rows."""

import json
from dataclasses import dataclass

import pyarrow as pa

from z1ray.engine.args import extra_args
from z1ray.engine.tokens import chat_token_ids, context_length, newline_token_ids, text_token_ids
from z1ray.errors import UserError
from z1ray.evaluation.config import EvaluateConfig
from z1ray.prompts import chat_messages
from z1ray.records import EVALUATION_ROW, Row, request_seed
from z1ray.window import NO_CAP, Window, account, resolve

METHOD = "shifted_thinking_window"

REQUEST = pa.schema(
    [
        pa.field("row_id", pa.string(), nullable=False),
        pa.field("benchmark", pa.string(), nullable=False),
        pa.field("problem_id", pa.string(), nullable=False),
        pa.field("thinking_budget", pa.int32(), nullable=False),
        pa.field("sample", pa.int32(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class Sweep:
    """The windows of one model's sweep, one per benchmark and thinking budget, and the model's line ends."""

    model: str
    windows: dict[tuple[str, int], Window]
    breaks: frozenset[int]


def sweep(config: EvaluateConfig, name: str) -> Sweep:
    """Resolve every window of the sweep for the model called ``name``."""
    windows = {}
    for source in config.benchmarks:
        text = config.window.hint_text(config.hints.get(source.label))
        hint = text_token_ids(config.models[name], text)
        for budget in config.budgets:
            windows[source.label, budget] = resolve(config.window, hint, budget)
    return Sweep(name, windows, newline_token_ids(config.models[name]))


def build_requests(config: EvaluateConfig, swept: Sweep, benchmark: str, problems: list[Row]) -> list[Row]:
    """Requests of one benchmark: problem x budget x sample, largest budgets first.

    Raises:
        UserError: If a question does not fit the context beside its largest window.
    """
    model = config.models[swept.model]
    prompts = chat_token_ids(model, [chat_messages(problem["question"], config.system_prompt) for problem in problems])
    context = context_length(model, config.engine.max_model_len)
    rows = []
    for budget in sorted(config.budgets, key=lambda budget: (budget != NO_CAP, -budget)):
        window = swept.windows[benchmark, budget]
        for problem, prompt in zip(problems, prompts, strict=True):
            limit = _limit(problem["problem_id"], len(prompt), window, context)
            for sample in range(config.samples):
                id_ = f"{swept.model}#{problem['problem_id']}#{budget}#{sample}"
                rows.append(
                    {
                        "row_id": id_,
                        "benchmark": benchmark,
                        "problem_id": problem["problem_id"],
                        "thinking_budget": budget,
                        "sample": sample,
                        "tokenized_prompt": prompt,
                        "sampling": _sampling(config, window, limit, request_seed(config.seed, id_)),
                    }
                )
    return rows


def evaluation_row(row: Row, *, swept: Sweep) -> Row:
    """An answered request as an ungraded row of ``EVALUATION_ROW``.

    Raises:
        RuntimeError: If the engine refused the request: a curve has no holes.
    """
    if row["error"]:
        raise RuntimeError(f"evaluation request {row['row_id']} failed: {row['error']}")
    window = swept.windows[row["benchmark"], row["thinking_budget"]]
    counts = account(window, row["token_ids"], swept.breaks)
    return {name: row.get(name) for name in EVALUATION_ROW.names} | {
        "model": swept.model,
        "method": METHOD,
        "thinking_tokens": counts.thinking_tokens,
        "hint_tokens": counts.hint_tokens,
        "answer_tokens": counts.answer_tokens,
        "cut": counts.cut,
    }


def _sampling(config: EvaluateConfig, window: Window, limit: int, seed: int) -> str:
    params = {
        "temperature": config.temperature,
        "top_p": config.top_p,
        "max_tokens": limit,
        "seed": seed,
        "extra_args": extra_args(window),
    }
    return json.dumps(params, sort_keys=True)


def _limit(problem_id: str, num_prompt_tokens: int, window: Window, context: int) -> int:
    limit = context - num_prompt_tokens if window.max_tokens is None else window.max_tokens
    if limit < 1 or num_prompt_tokens + limit > context:
        raise UserError(
            f"problem {problem_id!r}: question",
            f"{num_prompt_tokens} tokens",
            f"with thinking budget {window.budget} it needs {num_prompt_tokens + limit} of a context of {context}",
            "lower evaluate.budgets or evaluate.window.answer_tokens, or raise evaluate.engine.max_model_len",
        )
    return limit
