"""The test-time scaling curve: accuracy against mean thinking tokens, per thinking budget.

As Z1 plots it (arXiv 2504.00810): each point averages the thinking tokens that
the problems actually used, the ones that ended early included.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from z1ray.records import Row


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the curve.

    Attributes:
        model, benchmark, method, thinking_budget: What was run; the budget in tokens, -1 without a cap.
        num_samples: Graded answers.
        accuracy: Share of correct answers (pass@1, averaged over samples).
        accuracy_low, accuracy_high: Wilson score interval of the accuracy.
        mean_thinking_tokens: Tokens before the cut, or all of them where there was none.
        cut_ratio: Share of runs that hit the budget.
    """

    model: str
    benchmark: str
    method: str
    thinking_budget: int
    num_samples: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    mean_thinking_tokens: float
    cut_ratio: float


def curve(rows: Iterable[Row], confidence: float) -> list[Point]:
    """Points in the order model, benchmark, method, mean thinking tokens.

    Args:
        rows: Graded rows of ``EVALUATION_ROW``.
        confidence: Level of the intervals, e.g. 0.95.
    """
    groups: dict[tuple[str, str, str, int], list[Row]] = {}
    for row in rows:
        key = (row["model"], row["benchmark"], row["method"], row["thinking_budget"])
        groups.setdefault(key, []).append(row)
    points = [_point(key, group, confidence) for key, group in groups.items()]
    return sorted(points, key=lambda p: (p.model, p.benchmark, p.method, p.mean_thinking_tokens, p.thinking_budget))


def as_json(points: list[Point]) -> list[dict[str, Any]]:
    """The points as the objects of ``curve.json``."""
    return [asdict(point) for point in points]


def _point(key: tuple[str, str, str, int], rows: list[Row], confidence: float) -> Point:
    from scipy.stats import binomtest

    num_correct = sum(row["correct"] is True for row in rows)
    interval = binomtest(num_correct, len(rows)).proportion_ci(confidence, method="wilson")
    return Point(
        *key,
        num_samples=len(rows),
        accuracy=num_correct / len(rows),
        accuracy_low=float(interval.low),
        accuracy_high=float(interval.high),
        mean_thinking_tokens=sum(row["thinking_tokens"] for row in rows) / len(rows),
        cut_ratio=sum(row["cut"] for row in rows) / len(rows),
    )
