"""Tokens needed for an accuracy, and tokens saved at equal accuracy, read off the curve between its points."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from z1ray.evaluation.statistics.interval import Array
from z1ray.evaluation.statistics.lines import Line, weights
from z1ray.evaluation.statistics.paired import draws, percentiles

Axis = Literal["thinking", "generated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """Mean tokens at which a model's curve first reaches an accuracy.

    Attributes:
        model, benchmark, method: Whose curve.
        accuracy: The accuracy to reach.
        thinking_tokens: Mean thinking tokens.
        low, high: Interval over problems; ``high`` is None where the curve may not reach the accuracy at all.
        at_most: True if the smallest budget reaches it already, so that fewer tokens may do.
    """

    model: str
    benchmark: str
    method: str
    accuracy: float
    thinking_tokens: float
    low: float
    high: float | None
    at_most: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """Tokens that one model saves against another at the highest accuracy that both reach.

    Attributes:
        benchmark: Where they were compared.
        model, method: The model that needs fewer thinking tokens, and how it was asked.
        other, other_method: The one that needs more.
        accuracy: The accuracy.
        tokens, other_tokens: Mean thinking tokens that each needs for it.
        saved: Share of thinking tokens saved; negative would be more tokens.
        low, high: Its interval over problems, for each draw of which the accuracy is found anew; ``low`` is
            None where the other model may need no tokens at all.
        saved_generated: The same share of all generated tokens.
        at_least: True if the model's smallest budget does better already, so that it may save more.
    """

    benchmark: str
    model: str
    method: str
    other: str
    other_method: str
    accuracy: float
    tokens: float
    other_tokens: float
    saved: float
    low: float | None
    high: float
    saved_generated: float
    at_least: bool


def crossing(tokens: Array, accuracy: Array, target: Array) -> Array:
    """Tokens at which curves first reach an accuracy, linear between points; inf if they never do.

    A curve whose point with the fewest tokens is accurate enough needs at most these.

    Args:
        tokens: Mean tokens at each point of each curve, of shape (curves, points).
        accuracy: Accuracy there, of the same shape.
        target: The accuracy to reach, of shape (curves,).
    """
    order = np.argsort(tokens, axis=1, kind="stable")
    tokens, accuracy = np.take_along_axis(tokens, order, 1), np.take_along_axis(accuracy, order, 1)
    # A mean of 0.6 may come out a hair below 0.6.
    enough = accuracy >= target[:, None] - 1e-9
    each, after = np.arange(len(target)), enough.argmax(axis=1)
    before = np.maximum(after - 1, 0)
    rise = accuracy[each, after] - accuracy[each, before]
    share = np.divide(target - accuracy[each, before], rise, out=np.zeros_like(rise), where=rise > 0)
    between = tokens[each, before] + share * (tokens[each, after] - tokens[each, before])
    return np.where(enough.any(axis=1), np.where(after == 0, tokens[:, 0], between), np.inf)


def height(tokens: Array, accuracy: Array, at: Array) -> Array:
    """Accuracy of curves at a number of tokens, linear between points; outside of them that of the nearest.

    Args:
        tokens: Mean tokens at each point of each curve, of shape (curves, points).
        accuracy: Accuracy there, of the same shape.
        at: Tokens to spend, of shape (curves,).
    """
    order = np.argsort(tokens, axis=1, kind="stable")
    tokens, accuracy = np.take_along_axis(tokens, order, 1), np.take_along_axis(accuracy, order, 1)
    return np.array([np.interp(*each) for each in zip(at, tokens, accuracy, strict=True)])


@lru_cache(maxsize=64)
def curves(line: Line, axis: Axis) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Tokens and accuracy of the line itself, and of its bootstrap replicates; of shape (curves, points) each."""
    tokens, accuracy = getattr(line, axis).mean(axis=2).T, line.correct.mean(axis=2).T
    own, drawn = weights(line.strata)[None], draws(line.strata)
    return (own @ tokens, own @ accuracy), (drawn @ tokens, drawn @ accuracy)


def needed(line: Line, target: float, confidence: float) -> Needed | None:
    """Thinking tokens that a line needs for an accuracy; None if it does not reach it."""
    estimate, replicates = curves(line, "thinking")
    (tokens,) = crossing(*estimate, np.array([target]))
    if np.isinf(tokens):
        return None
    low, high = percentiles(crossing(*replicates, np.full(len(replicates[0]), target)), confidence)
    return Needed(
        model=line.model,
        benchmark=line.benchmark,
        method=line.method,
        accuracy=target,
        thinking_tokens=float(tokens),
        low=low,
        high=None if np.isinf(high) else high,
        at_most=_starts_above(line, target),
    )


def saving(first: Line, second: Line, confidence: float) -> Saving | None:
    """Compare two lines on the same problems; None if they have no accuracy above 0 in common."""
    target, tokens, replicates = _shares(first, second, "thinking")
    if target == 0:
        return None
    if tokens[0] > tokens[1]:
        return saving(second, first, confidence)
    _, generated, _ = _shares(first, second, "generated")
    low, high = percentiles(replicates, confidence)
    return Saving(
        benchmark=first.benchmark,
        model=first.model,
        method=first.method,
        other=second.model,
        other_method=second.method,
        accuracy=target,
        tokens=tokens[0],
        other_tokens=tokens[1],
        saved=float(_saved(np.array(tokens[0]), np.array(tokens[1]))),
        low=None if np.isinf(low) else low,
        high=high,
        saved_generated=float(_saved(np.array(generated[0]), np.array(generated[1]))),
        at_least=_starts_above(first, target),
    )


def _starts_above(line: Line, target: float) -> bool:
    tokens, accuracy = curves(line, "thinking")[0]
    return bool(accuracy[0, tokens[0].argmin()] > target)


def _shares(first: Line, second: Line, axis: Axis) -> tuple[float, tuple[float, float], Array]:
    """The accuracy that both reach, the tokens of each, and the replicates' share saved by the first."""
    ones, others = curves(first, axis), curves(second, axis)
    (target, tokens, other), (_, drawn, drawn_other) = (_at_equal(*pair) for pair in zip(ones, others, strict=True))
    return float(target[0]), (float(tokens[0]), float(other[0])), _saved(drawn, drawn_other)


def _at_equal(one: tuple[Array, Array], other: tuple[Array, Array]) -> tuple[Array, Array, Array]:
    target = np.minimum(one[1].max(axis=1), other[1].max(axis=1))
    return target, crossing(*one, target), crossing(*other, target)


def _saved(tokens: Array, other: Array) -> Array:
    """1 - tokens / other; none of nothing is nothing saved."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((tokens == 0) & (other == 0), 0.0, 1 - tokens / other)
