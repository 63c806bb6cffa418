"""Comparing finished runs: one curve of all, and paired tests on the problems that they share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from z1ray.evaluation.curve import Point, curve
from z1ray.evaluation.runs.read import Run
from z1ray.evaluation.statistics.findings import Comparison, compare_points
from z1ray.evaluation.statistics.holm import adjust
from z1ray.evaluation.statistics.lines import Line, lines, only
from z1ray.evaluation.statistics.needed import Saving, saving


@dataclass(frozen=True, slots=True)
class Compared:
    """Runs side by side; models are named ``run: model``.

    Attributes:
        points: All points of all runs.
        homes: For each point the place of its run, and its own place among the run's points.
        models: Models of two runs at the same budget, on the problems that both were asked; a family of tests
            is all budgets of two curves.
        savings: Tokens that one of them saves at equal accuracy, on the same problems and budgets.
    """

    points: list[Point]
    homes: list[tuple[int, int]]
    models: list[Comparison]
    savings: list[Saving]


def compare_runs(runs: Sequence[Run], confidence: float) -> Compared:
    """Compare every two runs.

    Models are paired by name where both runs have models of the same name, else each with each.

    Args:
        runs: The runs.
        confidence: Level of all intervals.
    """
    points: list[Point] = []
    homes: list[tuple[int, int]] = []
    for number, run in enumerate(runs):
        # Places as in the run's own report, which the page leads to.
        own = curve([{**row, "model": f"{run.name}: {row['model']}"} for row in run.rows], confidence)
        points += own
        homes += [(number, place) for place in range(len(own))]
    pairs = list(_pairs(runs))
    models = [
        compare_points(first, number, second, number, confidence)
        for first, second in pairs
        for number in range(len(first.budgets))
    ]
    savings = [saving(first, second, confidence) for first, second in pairs if len(first.budgets) > 1]
    return Compared(
        points,
        homes,
        adjust(models, "result", lambda c: (c.benchmark, c.method, c.model, c.other_model)),
        [found for found in savings if found is not None],
    )


def _pairs(runs: Sequence[Run]) -> Iterator[tuple[Line, Line]]:
    """Lines of two runs with the same benchmark and method, cut down to the budgets and problems of both."""
    own = [lines(run.rows) for run in runs]
    for one, other in combinations(range(len(runs)), 2):
        shared = {line.model for line in own[one]} & {line.model for line in own[other]}
        for first in own[one]:
            for second in own[other]:
                same = (first.benchmark, first.method) == (second.benchmark, second.method)
                if same and (first.model == second.model or not shared):
                    yield from _cut(_named(first, runs[one]), _named(second, runs[other]))


def _cut(first: Line, second: Line) -> Iterator[tuple[Line, Line]]:
    budgets = [budget for budget in first.budgets if budget in second.budgets]
    others = set(second.problems)
    problems = [problem for problem in first.problems if problem in others]
    if budgets and problems:
        yield only(first, budgets, problems), only(second, budgets, problems)


def _named(line: Line, run: Run) -> Line:
    return replace(line, model=f"{run.name}: {line.model}")
