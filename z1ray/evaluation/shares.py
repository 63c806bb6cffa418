"""What part of its bounds an evaluation used, from its answers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from z1ray.evaluation.config import EvaluateConfig
from z1ray.evaluation.methods.names import WINDOW
from z1ray.evaluation.statistics.lines import generated_tokens
from z1ray.evaluation.traces import size
from z1ray.records import Row

Limits = Mapping[tuple[str, str, int], int]
"""Most tokens of a run, by model, benchmark and thinking budget."""

_COLUMNS = ["model", "benchmark", "thinking_budget", "thinking_tokens", "hint_tokens", "answer_tokens", "cut"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Parts from 0 to 1.

    Attributes:
        trace: Tokens of a trace, of the most it may write.
        branches: Answers at smaller budgets that had to be generated, of all of them; the others are traces
            which ended before the cut.
        branch: Tokens of such an answer, of the most it may have.
        source: Where they come from, for people.
    """

    trace: float
    branches: float
    branch: float
    source: str


def measured_shares(config: EvaluateConfig, limits: Limits, folder: Path) -> Shares | None:
    """Those of the answers in a folder; None if there is none of these models, benchmarks and budgets.

    Args:
        config: The evaluation to plan.
        limits: Its limits.
        folder: Of an evaluation, finished or not.
    """
    rows = [row for row in _rows(folder) if _key(row) in limits]
    if not rows:
        return None
    largest = max((row["thinking_budget"] for row in rows), key=size)
    traces = [row for row in rows if row["thinking_budget"] == largest]
    smaller = [row for row in rows if row["thinking_budget"] != largest]
    # One that is not cut is its trace.
    branches = [row for row in smaller if row["cut"]]
    answers = sum(config.answer_tokens[row["benchmark"]] for row in branches)
    return Shares(
        trace=min(1.0, sum(map(generated_tokens, traces)) / sum(limits[_key(row)] for row in traces)),
        branches=len(branches) / len(smaller) if smaller else 1.0,
        branch=min(1.0, sum(row["answer_tokens"] for row in branches) / answers) if answers else 1.0,
        source=f"as {len(traces):,} traces and {len(smaller):,} answers at smaller budgets in {folder} came out",
    )


def _rows(folder: Path) -> Iterator[Row]:
    for path in sorted(folder.glob("models/*/answers.parquet")):
        yield from pq.read_table(path, columns=_COLUMNS, filters=[("method", "=", WINDOW)]).to_pylist()


def _key(row: Row) -> tuple[str, str, int]:
    return row["model"], row["benchmark"], row["thinking_budget"]
