"""Everything that a sweep's answers show beyond the points of its curve: ``findings.json``."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations, pairwise
from typing import Any

from z1ray.evaluation.statistics.holm import adjust
from z1ray.evaluation.statistics.lines import POOLED, Line, lines, pooled, weights
from z1ray.evaluation.statistics.methods import MethodPoint, method_points
from z1ray.evaluation.statistics.needed import Needed, Saving, needed, saving
from z1ray.evaluation.statistics.paired import Difference, compare
from z1ray.evaluation.statistics.s1 import S1Metrics, s1_metrics
from z1ray.records import Row

_LEVELS = [round(0.1 * tenths, 1) for tenths in range(1, 10)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two points on the same problems of one benchmark; ``result`` is the other accuracy minus the first."""

    benchmark: str
    method: str
    model: str
    budget: int
    accuracy: float
    other_model: str
    other_budget: int
    other_accuracy: float
    result: Difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Per benchmark and, of several, over all of them pooled.

    P-values are adjusted after Holm within a family: see each list.

    Attributes:
        confidence: Level of all intervals.
        gains: Each model's largest budget against its smallest; a family is one model's benchmarks.
        savings: Tokens that one model saves against another at equal accuracy.
        steps: Each model's budgets against the next larger ones; a family is all steps of one curve.
        models: Models against each other at the same budget; a family is all budgets of two curves.
        methods: Methods against the window, of the models that were asked by several.
        needed: Thinking tokens needed for accuracies of 0.1, 0.2 and so on, as far as they are reached.
        s1: The s1 paper's metrics.
    """

    confidence: float
    gains: list[Comparison]
    savings: list[Saving]
    steps: list[Comparison]
    models: list[Comparison]
    methods: list[MethodPoint]
    needed: list[Needed]
    s1: list[S1Metrics]


def findings(rows: Iterable[Row], confidence: float) -> Findings:
    """Compute all of them from graded rows of ``EVALUATION_ROW``."""
    parts = lines(rows)
    every = [*parts, *pooled(parts)]
    # One budget is a point, not a curve.
    curves = [line for line in every if len(line.budgets) > 1]
    savings = [saving(first, second, confidence) for first, second in _rivals(curves)]
    return Findings(
        confidence=confidence,
        gains=adjust(_gains(curves, confidence), "result", lambda c: (c.model, c.method, c.benchmark == POOLED)),
        savings=[found for found in savings if found is not None],
        steps=adjust(_steps(curves, confidence), "result", lambda c: (c.benchmark, c.model, c.method)),
        models=adjust(_models(every, confidence), "result", lambda c: (c.benchmark, c.method, c.model, c.other_model)),
        methods=method_points(parts, confidence),
        needed=list(_needed(curves, confidence)),
        s1=[s1_metrics(line) for line in every],
    )


def as_json(found: Findings) -> dict[str, Any]:
    """The object of ``findings.json``."""
    return asdict(found)


def _gains(curves: Sequence[Line], confidence: float) -> list[Comparison]:
    return [compare_points(line, 0, line, len(line.budgets) - 1, confidence) for line in curves]


def _steps(curves: Sequence[Line], confidence: float) -> list[Comparison]:
    return [
        compare_points(line, a, line, b, confidence) for line in curves for a, b in pairwise(range(len(line.budgets)))
    ]


def _models(every: Sequence[Line], confidence: float) -> list[Comparison]:
    """At each budget, two models that were asked by the same method."""
    return [
        compare_points(first, number, second, number, confidence)
        for first, second in combinations(every, 2)
        if (first.benchmark, first.method) == (second.benchmark, second.method)
        for number in range(len(first.budgets))
    ]


def _rivals(curves: Sequence[Line]) -> Iterator[tuple[Line, Line]]:
    """Curves of two models on one benchmark: of the same method, or of two that they do not share.

    So a model that closes its thinking with a tag is compared with one that has the window.
    """
    methods: dict[tuple[str, str], set[str]] = {}
    for line in curves:
        methods.setdefault((line.benchmark, line.model), set()).add(line.method)
    for first, second in combinations(curves, 2):
        if first.benchmark == second.benchmark and first.model != second.model:
            shared = methods[first.benchmark, first.model] & methods[second.benchmark, second.model]
            if first.method == second.method or not shared:
                yield first, second


def compare_points(first: Line, number: int, second: Line, other: int, confidence: float) -> Comparison:
    """The second line's point at the place ``other`` among its budgets against the first's at ``number``."""
    assert first.problems == second.problems, "they were asked different problems"
    weight = weights(first.strata)
    before, after = first.correct[number], second.correct[other]
    return Comparison(
        benchmark=first.benchmark,
        method=first.method,
        model=first.model,
        budget=first.budgets[number],
        accuracy=float(weight @ before.mean(axis=1)),
        other_model=second.model,
        other_budget=second.budgets[other],
        other_accuracy=float(weight @ after.mean(axis=1)),
        result=compare(before, after, first.strata, confidence),
    )


def _needed(every: Sequence[Line], confidence: float) -> Iterator[Needed]:
    """Of levels that one line's smallest budget does not reach yet; for others nothing was measured."""
    for line in every:
        same = [each for each in every if (each.benchmark, each.method) == (line.benchmark, line.method)]
        lowest = min(float(weights(each.strata) @ each.correct[0].mean(axis=1)) for each in same)
        found = [needed(line, level, confidence) for level in _LEVELS if level > lowest]
        yield from (each for each in found if each is not None)
