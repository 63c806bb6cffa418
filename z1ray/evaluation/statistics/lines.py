"""Graded rows as arrays: what every statistic of a sweep is computed from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from z1ray.evaluation.statistics.interval import Array
from z1ray.evaluation.statistics.votes import voted
from z1ray.evaluation.traces import size
from z1ray.records import Row

POOLED = "all benchmarks"
_ARRAYS = ("correct", "thinking", "generated", "answers")


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One model's answers to one benchmark by one method, or to several benchmarks pooled.

    Attributes:
        model, benchmark, method: What was run; the benchmark is ``POOLED`` for several.
        budgets: Thinking budgets from small to large; no cap comes last.
        problems: Problem ids, in the order of the arrays' second axis.
        strata: Number of problems of each benchmark, in the same order. Every benchmark has the same weight, as
            in the paper's mean over benchmarks.
        correct: 1 for a correct answer, else 0, of shape (budgets, problems, samples).
        thinking: Thinking tokens, of the same shape.
        generated: Thinking, hint and answer tokens together, of the same shape.
        answers: Extracted answers as texts or None, of the same shape.
    """

    model: str
    benchmark: str
    method: str
    budgets: tuple[int, ...]
    problems: tuple[str, ...]
    strata: tuple[int, ...]
    correct: Array
    thinking: Array
    generated: Array
    answers: Array

    @property
    def num_samples(self) -> int:
        """Samples per problem and budget."""
        return int(self.correct.shape[2])


def only(line: Line, budgets: Sequence[int], problems: Sequence[str]) -> Line:
    """One benchmark's line with some of its budgets and problems, in the order given."""
    assert len(line.strata) == 1, "problems of several benchmarks are weighted by benchmark"
    rows = [line.budgets.index(budget) for budget in budgets]
    columns = {name: number for number, name in enumerate(line.problems)}
    chosen = np.ix_(rows, [columns[name] for name in problems])
    arrays = {name: getattr(line, name)[chosen] for name in _ARRAYS}
    return replace(line, budgets=tuple(budgets), problems=tuple(problems), strata=(len(problems),), **arrays)


def weights(strata: Sequence[int]) -> Array:
    """Weight of each problem in a mean; they add up to 1, and so do equal shares for every benchmark."""
    return np.repeat([1 / (len(strata) * num) for num in strata], strata)


def lines(rows: Iterable[Row]) -> list[Line]:
    """Lines in the order benchmark, method, model.

    Args:
        rows: Graded rows of ``EVALUATION_ROW``: each problem at each budget with each sample once.
    """
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in voted(rows):
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

    def array(values: Iterable[object], kind: type = float) -> Array:
        return np.fromiter(values, kind, len(rows)).reshape(shape)

    return Line(
        model,
        benchmark,
        method,
        tuple(budgets),
        tuple(problems),
        (len(problems),),
        correct=array(row["correct"] is True for row in rows),
        thinking=array(row["thinking_tokens"] for row in rows),
        generated=array(generated_tokens(row) for row in rows),
        answers=array((row["answer"] for row in rows), object),
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
        problems=tuple(name for line in parts for name in line.problems),
        strata=tuple(num for line in parts for num in line.strata),
        **{name: np.concatenate([getattr(line, name) for line in parts], axis=1) for name in _ARRAYS},
    )
