"""Whether two sets of answers to the same problems differ in accuracy: exact McNemar test, paired bootstrap."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from z1ray.evaluation.statistics.interval import Array
from z1ray.evaluation.statistics.lines import weights

MCNEMAR = "exact McNemar test"
BOOTSTRAP = "paired bootstrap over problems"
_NUM_DRAWS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The second accuracy minus the first.

    Attributes:
        difference: Estimate.
        low, high: Its interval.
        p_value: Two-sided, of the hypothesis that there is none; by itself.
        test: ``MCNEMAR`` or ``BOOTSTRAP``.
        num_problems: Problems that were compared.
        p_adjusted: The p-value after Holm among the ``num_tests`` tests of its family, see ``adjust``.
        num_tests: Tests of the family; 1 for a test that stands alone.
    """

    difference: float
    low: float
    high: float
    p_value: float
    test: str
    num_problems: int
    p_adjusted: float
    num_tests: int


def compare(first: Array, second: Array, strata: Sequence[int], confidence: float) -> Difference:
    """Compare two sets of answers to the same problems.

    McNemar's exact test where every problem has one sample and there is one benchmark; else a bootstrap that
    draws whole problems, each with both its sets of answers.

    Args:
        first: 0 or 1 of shape (problems, samples).
        second: The same of the other set, whose number of samples may be another.
        strata: Number of problems of each benchmark, see ``Line``.
        confidence: Level of the interval.
    """
    changes = second.mean(axis=1) - first.mean(axis=1)
    exact = first.shape[1] == second.shape[1] == 1 and len(strata) == 1
    low, high = _interval(changes, strata, confidence)
    estimate = weights(strata) @ changes
    p_value = _mcnemar(changes) if exact else _bootstrap(changes, strata)
    return Difference(
        difference=float(estimate),
        low=low,
        high=high,
        p_value=p_value,
        test=MCNEMAR if exact else BOOTSTRAP,
        num_problems=len(changes),
        p_adjusted=p_value,
        num_tests=1,
    )


@lru_cache(maxsize=4)
def draws(strata: tuple[int, ...]) -> Array:
    """Weights of each problem in 2000 bootstrap replicates, of shape (replicates, problems); always the same ones.

    Problems are drawn within their benchmark. What is weighted by one row of it is paired.
    """
    rng = np.random.default_rng(0)
    counts = [rng.multinomial(num, np.full(num, 1 / num), size=_NUM_DRAWS) for num in strata]
    return np.concatenate(counts, axis=1) * weights(strata)


def percentiles(values: Array, confidence: float) -> tuple[float, float]:
    """The bootstrap's percentile interval; infinite values stay what they are."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail], method="inverted_cdf").tolist()
    return low, high


def bootstrap_p(estimate: float, replicates: Array, num_problems: int) -> float:
    """Two-sided p-value of the hypothesis that what was estimated is 0.

    Args:
        estimate: The estimate.
        replicates: Those of bootstrap replicates.
        num_problems: Problems that can speak against the hypothesis. The p-value is never below what these give
            if all of them do, each one way or the other by chance: the replicates of a few problems vary too little.
    """
    # A replicate equal to the estimate counts, also where rounding puts it a hair below; and so does the estimate.
    extreme = np.abs(replicates - estimate) >= abs(estimate) - 1e-12
    return max(float((1 + extreme.sum()) / (1 + len(replicates))), min(1.0, 2.0 ** (1 - num_problems)))


def _bootstrap(changes: Array, strata: Sequence[int]) -> float:
    replicates = draws(tuple(strata)) @ changes
    return bootstrap_p(float(weights(strata) @ changes), replicates, int((changes != 0).sum()))


def _mcnemar(changes: Array) -> float:
    from scipy.stats import binomtest

    gained, lost = int((changes > 0).sum()), int((changes < 0).sum())
    return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


def _interval(changes: Array, strata: Sequence[int], confidence: float) -> tuple[float, float]:
    """Agresti and Min's for matched pairs (Statistics in Medicine 24, 2005): two problems are added.

    These are half a problem gained, half a one lost and one unchanged, so that no variance is 0.
    """
    from scipy.stats import norm

    parts = np.split(changes, np.cumsum(strata)[:-1])
    means = np.array([part.sum() / (len(part) + 2) for part in parts])
    squares = np.array([((part**2).sum() + 1) / (len(part) + 2) for part in parts])
    variance = ((squares - means**2) / (np.array(strata) + 2)).sum() / len(parts) ** 2
    half = norm.ppf((1 + confidence) / 2) * np.sqrt(variance)
    return max(-1.0, float(means.mean() - half)), min(1.0, float(means.mean() + half))
