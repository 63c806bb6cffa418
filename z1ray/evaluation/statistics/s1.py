"""Control, scaling and performance of a method for test-time scaling, as the s1 paper defines them.

Source: Muennighoff et al. 2025, arXiv 2501.19393, section 3.2, equations 1 to 3. There a method is a set of
evaluations of one benchmark, each with its thinking tokens ``a`` and its accuracy ``f(a)``:

- control is the share of evaluations whose ``a`` lies between a minimum and a maximum fixed beforehand, of
  which the paper mostly has the maximum only;
- scaling is the mean of the slopes ``(f(b) - f(a)) / (b - a)`` over all pairs of evaluations with ``b > a``;
- performance is the largest ``f(a)``.

Here an evaluation is a budget of a line, its ``a`` the mean of thinking tokens, and the maximum its budget.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from z1ray.evaluation.statistics.lines import Line, weights
from z1ray.window import NO_CAP


@dataclass(frozen=True, slots=True, kw_only=True)
class S1Metrics:
    """The three figures of one line, and control by answer.

    Attributes:
        model, benchmark, method: Whose.
        control: Share of budgets that the mean of thinking tokens keeps to; None where nothing has a cap.
        control_by_answer: Share of answers that keep to their budget, which is stricter; None likewise.
        scaling: Mean slope of accuracy over all pairs of budgets, per 1,000 mean thinking tokens; None
            where no two budgets differ in tokens.
        performance: The best accuracy of all budgets.
    """

    model: str
    benchmark: str
    method: str
    control: float | None
    control_by_answer: float | None
    scaling: float | None
    performance: float


def s1_metrics(line: Line) -> S1Metrics:
    """Measure a line."""
    weight = weights(line.strata)
    accuracy = line.correct.mean(axis=2) @ weight
    tokens = line.thinking.mean(axis=2) @ weight
    capped = [number for number, budget in enumerate(line.budgets) if budget != NO_CAP]
    kept = [tokens[number] <= line.budgets[number] for number in capped]
    by_answer = [(line.thinking[number] <= line.budgets[number]).mean(axis=1) @ weight for number in capped]
    pairs = [(a, b) for a, b in combinations(np.argsort(tokens), 2) if tokens[a] < tokens[b]]
    slopes = [(accuracy[b] - accuracy[a]) / (tokens[b] - tokens[a]) for a, b in pairs]
    return S1Metrics(
        model=line.model,
        benchmark=line.benchmark,
        method=line.method,
        control=float(np.mean(kept)) if capped else None,
        control_by_answer=float(np.mean(by_answer)) if capped else None,
        scaling=1000 * float(np.mean(slopes)) if slopes else None,
        performance=float(accuracy.max()),
    )
