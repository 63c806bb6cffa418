"""Graded rows as arrays: what every statistic of a sweep is computed from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from z1ray.evaluation.statistics.interval import Array
from z1ray.evaluation.traces import size
from z1ray.records import Row

POOLED = "all benchmarks"


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One model's answers to one benchmark by one method, or to several benchmarks pooled.

    Attributes:
        model, benchmark, method: What was run; the benchmark is ``POOLED`` for several.
        budgets: Thinking budgets from small to large; no cap comes last.
        strata: Number of problems of each benchmark, in the order of the arrays' second axis. Every
            benchmark has the same weight, as in the paper's mean over benchmarks.
        correct: 1 for a correct answer, else 0, of shape (budgets, problems, samples).
        thinking: Thinking tokens, of the same shape.
        generated: Thinking, hint and answer tokens together, of the same shape.
    """

    model: str
    benchmark: str
    method: str
    budgets: tuple[int, ...]
    strata: tuple[int, ...]
    correct: Array
    thinking: Array
    generated: Array

    @property
    def num_samples(self) -> int:
        """Samples per problem and budget."""
        return int(self.correct.shape[2])


def weights(strata: Sequence[int]) -> Array:
    """Weight of each problem in a mean; they add up to 1, and so do equal shares for every benchmark."""
    return np.repeat([1 / (len(strata) * num) for num in strata], strata)


def lines(rows: Iterable[Row]) -> list[Line]:
    """Lines in the order benchmark, method, model.

    Args:
        rows: Graded rows of ``EVALUATION_ROW``: each problem at each budget with each sample once.
    """
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["benchmark"], row["method"], row["model"]), []).append(row)
    return [_line(*key, groups[key]) for key in sorted(groups)]


def pooled(parts: Sequence[Line]) -> list[Line]:
    """A line over all benchmarks for each model and method, if there are several benchmarks."""
    groups: dict[tuple[str, str], list[Line]] = {}
    for line in parts:
        groups.setdefault((line.method, line.model), []).append(line)
    return [_pool(some) for some in groups.values() if len(some) > 1]


def _line(benchmark: str, method: str, model: str, rows: list[Row]) -> Line:
    budgets = sorted({row["thinking_budget"] for row in rows}, key=size)
    problems = sorted({row["problem_id"] for row in rows})
    samples = sorted({row["sample"] for row in rows})
    shape = (len(budgets), len(problems), len(samples))
    assert len(rows) == np.prod(shape), f"{model} was not asked everything of {benchmark}, or something twice"
    rows = sorted(rows, key=lambda row: (budgets.index(row["thinking_budget"]), row["problem_id"], row["sample"]))

    def array(values: Iterable[float]) -> Array:
        return np.fromiter(values, float, len(rows)).reshape(shape)

    return Line(
        model,
        benchmark,
        method,
        tuple(budgets),
        (len(problems),),
        correct=array(row["correct"] is True for row in rows),
        thinking=array(row["thinking_tokens"] for row in rows),
        generated=array(generated_tokens(row) for row in rows),
    )


def generated_tokens(row: Row) -> int:
    """All tokens after the prompt: thinking, hint and answer."""
    total: int = row["thinking_tokens"] + row["hint_tokens"] + row["answer_tokens"]
    return total


def _pool(parts: Sequence[Line]) -> Line:
    assert len({(line.budgets, line.num_samples) for line in parts}) == 1, "benchmarks were asked differently"
    return replace(
        parts[0],
        benchmark=POOLED,
        strata=tuple(num for line in parts for num in line.strata),
        correct=np.concatenate([line.correct for line in parts], axis=1),
        thinking=np.concatenate([line.thinking for line in parts], axis=1),
        generated=np.concatenate([line.generated for line in parts], axis=1),
    )
