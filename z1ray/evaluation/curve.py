"""The test-time scaling curve: accuracy against mean thinking tokens, per thinking budget.

As Z1 plots it (arXiv 2504.00810): each point averages the thinking tokens that
the problems actually used, the ones that ended early included.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from z1ray.evaluation.statistics.interval import accuracy_interval
from z1ray.evaluation.statistics.lines import generated_tokens
from z1ray.evaluation.statistics.samples import maj_at_k, pass_at_k, powers_up_to
from z1ray.evaluation.statistics.votes import are_programs, voted
from z1ray.records import Row

BUDGET = "budget"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One point of the curve.

    Attributes:
        model, benchmark, method, thinking_budget: What was run; the budget in tokens, -1 without a cap.
        num_problems, num_samples: Problems, and graded answers to all of them together.
        accuracy: Share of correct answers (pass@1, averaged over samples).
        accuracy_low, accuracy_high: Its interval, clustered by problem.
        mean_thinking_tokens, median_thinking_tokens, p90_thinking_tokens, p99_thinking_tokens,
            total_thinking_tokens: Of the tokens before the cut, or all of them where there was none.
        mean_generated_tokens, total_generated_tokens: Of thinking, hint and answer together.
        cut_ratio: Share of runs that hit the budget.
        thinking_finish: How thinking ended, in answers: ``stop`` by itself, ``budget`` cut,
            ``length`` out of tokens without having been cut.
        answer_finish: How the answers after a hint ended: ``stop`` or ``length``.
        answer_ran_out_ratio: Share of all runs whose answer after the hint ran out of tokens.
        no_answer_ratio: Share of runs in which no answer was found.
        pass_at_k, maj_at_k: By k, where problems have several samples; empty otherwise, and maj@k also
            where answers are programs.
    """

    model: str
    benchmark: str
    method: str
    thinking_budget: int
    num_problems: int
    num_samples: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    mean_thinking_tokens: float
    median_thinking_tokens: float
    p90_thinking_tokens: float
    p99_thinking_tokens: float
    total_thinking_tokens: int
    mean_generated_tokens: float
    total_generated_tokens: int
    cut_ratio: float
    thinking_finish: dict[str, int]
    answer_finish: dict[str, int]
    answer_ran_out_ratio: float
    no_answer_ratio: float
    pass_at_k: dict[int, float]
    maj_at_k: dict[int, float]


def curve(rows: Iterable[Row], confidence: float) -> list[Point]:
    """Points in the order model, benchmark, method, mean thinking tokens.

    Args:
        rows: Graded rows of ``EVALUATION_ROW``.
        confidence: Level of the intervals, e.g. 0.95.
    """
    groups: dict[tuple[str, str, str, int], list[Row]] = {}
    for row in voted(rows):
        key = (row["model"], row["benchmark"], row["method"], row["thinking_budget"])
        groups.setdefault(key, []).append(row)
    points = [_point(key, group, confidence) for key, group in groups.items()]
    return sorted(points, key=lambda p: (p.model, p.benchmark, p.method, p.mean_thinking_tokens, p.thinking_budget))


def as_json(points: list[Point]) -> list[dict[str, Any]]:
    """The points as the objects of ``curve.json``."""
    return [asdict(point) for point in points]


def thinking_finish(row: Row) -> str:
    """How a run's thinking ended: ``stop``, ``budget`` or ``length``."""
    reason: str = BUDGET if row["cut"] else row["finish_reason"]
    return reason


def _point(key: tuple[str, str, str, int], rows: list[Row], confidence: float) -> Point:
    model, benchmark, method, budget = key
    problems = _by_problem(rows)
    correct = np.array([[row["correct"] is True for row in some] for some in problems], dtype=float)
    low, high = accuracy_interval(correct, confidence)
    return Point(
        model=model,
        benchmark=benchmark,
        method=method,
        thinking_budget=budget,
        num_problems=len(problems),
        num_samples=len(rows),
        accuracy=float(correct.mean()),
        accuracy_low=low,
        accuracy_high=high,
        **_tokens(rows),
        **_finish(rows),
        **_several(problems),
    )


def _by_problem(rows: list[Row]) -> list[list[Row]]:
    """Rows of each problem, which all have the same number."""
    problems: dict[str, list[Row]] = {}
    for row in rows:
        problems.setdefault(row["problem_id"], []).append(row)
    return list(problems.values())


def _tokens(rows: list[Row]) -> dict[str, Any]:
    thinking = np.array([row["thinking_tokens"] for row in rows])
    generated = np.array([generated_tokens(row) for row in rows])
    median, p90, p99 = np.percentile(thinking, [50, 90, 99]).tolist()
    return {
        "mean_thinking_tokens": float(thinking.mean()),
        "median_thinking_tokens": median,
        "p90_thinking_tokens": p90,
        "p99_thinking_tokens": p99,
        "total_thinking_tokens": int(thinking.sum()),
        "mean_generated_tokens": float(generated.mean()),
        "total_generated_tokens": int(generated.sum()),
    }


def _finish(rows: list[Row]) -> dict[str, Any]:
    answers = Counter(row["finish_reason"] for row in rows if row["cut"])
    return {
        "cut_ratio": answers.total() / len(rows),
        "thinking_finish": dict(Counter(map(thinking_finish, rows))),
        "answer_finish": dict(answers),
        "answer_ran_out_ratio": answers["length"] / len(rows),
        "no_answer_ratio": sum(row["answer"] is None for row in rows) / len(rows),
    }


def _several(problems: Sequence[Sequence[Row]]) -> dict[str, Any]:
    """pass@k and maj@k, means over problems."""
    num = len(problems[0])
    ks = powers_up_to(num) if num > 1 else []
    graded = [([row["answer"] for row in some], [row["correct"] is True for row in some]) for some in problems]
    votes = [] if are_programs(answer for answers, _ in graded for answer in answers) else ks
    return {
        "pass_at_k": {k: float(np.mean([pass_at_k(num, sum(correct), k) for _, correct in graded])) for k in ks},
        "maj_at_k": {k: float(np.mean([maj_at_k(*each, k) for each in graded])) for k in votes},
    }
