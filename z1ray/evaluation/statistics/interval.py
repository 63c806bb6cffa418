"""Confidence intervals of an accuracy whose samples are clustered by problem."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def accuracy_interval(correct: Array, confidence: float) -> tuple[float, float]:
    """Interval of the mean of ``correct``, for problems drawn at random.

    With one sample per problem this is Wilson's score interval. Several samples of one problem are not
    independent, so there it is Wilson's interval on the effective number of samples: their number divided
    by the design effect, which is the variance of the mean between problems over that of as many
    independent samples. Student's t takes the place of the normal quantile, since that variance is
    estimated from the problems. See Korn and Graubard (Survey Methodology 24, 1998) and Dean and Pagano
    (J. of Survey Statistics and Methodology 3, 2015).

    Args:
        correct: 0 or 1 of shape (problems, samples).
        confidence: Level, e.g. 0.95.

    Returns:
        Lower and upper end, within 0 and 1.
    """
    from scipy.stats import norm, t

    num_problems, num_samples = correct.shape
    accuracy = float(correct.mean())
    if num_samples == 1 or num_problems == 1:
        # Of one problem nothing is known about others, so its samples count as one.
        return _wilson(accuracy, num_problems, float(norm.ppf((1 + confidence) / 2)))
    quantile = float(t.ppf((1 + confidence) / 2, num_problems - 1))
    return _wilson(accuracy, _effective_samples(correct), quantile)


def _effective_samples(correct: Array) -> float:
    """Between the number of problems (further samples say nothing new) and that of all samples (independent ones)."""
    num_problems, num_samples = correct.shape
    rates = correct.mean(axis=1)
    # Half a problem that is always solved and half a one that never is, added: near 0 and 1 too few problems
    # differ from the rest to show how much problems differ, and the interval would be far too narrow.
    num = num_problems + 1
    accuracy = (rates.sum() + 0.5) / num
    variance = ((rates**2).sum() + 0.5) / num - accuracy**2
    effective = accuracy * (1 - accuracy) / variance * (num - 1)
    return float(np.clip(effective, num_problems, num_problems * num_samples))


def _wilson(accuracy: float, num: float, quantile: float) -> tuple[float, float]:
    square = quantile**2 / num
    centre = (accuracy + square / 2) / (1 + square)
    half = np.sqrt(square * (accuracy * (1 - accuracy) + square / 4)) / (1 + square)
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))
