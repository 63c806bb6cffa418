"""Control, scaling and performance of a method for test-time scaling, as the s1 paper defines them.

Source: Muennighoff et al. 2025, arXiv 2501.19393, section on metrics.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from z1ray.evaluation.statistics.lines import Line, weights
from z1ray.window import NO_CAP


@dataclass(frozen=True, slots=True, kw_only=True)
class S1Metrics:
    """The three figures of one line.

    Attributes:
        model, benchmark, method: Whose.
        control: Share of answers that thought no longer than their budget; without a cap all do.
        scaling: Mean slope of accuracy over all pairs of budgets, per 1,000 mean thinking tokens; None
            where no two budgets differ in tokens.
        performance: The best accuracy of all budgets.
    """

    model: str
    benchmark: str
    method: str
    control: float
    scaling: float | None
    performance: float


def s1_metrics(line: Line) -> S1Metrics:
    """Measure a line; s1 takes its runs as a whole where ``control`` here looks at each answer."""
    weight = weights(line.strata)
    within = [
        1.0 if budget == NO_CAP else float((spent <= budget).mean(axis=1) @ weight)
        for budget, spent in zip(line.budgets, line.thinking, strict=True)
    ]
    accuracy = line.correct.mean(axis=2) @ weight
    tokens = line.thinking.mean(axis=2) @ weight
    pairs = [(a, b) for a, b in combinations(np.argsort(tokens), 2) if tokens[a] < tokens[b]]
    slopes = [(accuracy[b] - accuracy[a]) / (tokens[b] - tokens[a]) for a, b in pairs]
    return S1Metrics(
        model=line.model,
        benchmark=line.benchmark,
        method=line.method,
        control=float(np.mean(within)),
        scaling=1000 * float(np.mean(slopes)) if slopes else None,
        performance=float(accuracy.max()),
    )
