"""What several samples of a problem add up to: pass@k and maj@k."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np

from z1ray.evaluation.statistics.interval import Array

_MOST_SUBSETS = 1000


def powers_up_to(num_samples: int) -> list[int]:
    """1, 2, 4 ... and the number of samples itself."""
    return sorted({2**power for power in range(num_samples.bit_length())} | {num_samples})


def pass_at_k(num_samples: int, num_correct: int, k: int) -> float:
    """Probability that one of k samples is correct, the unbiased estimate of Chen et al. (arXiv 2107.03374, eq. 1).

    ``1 - C(n - c, k) / C(n, k)``, as a product that does not overflow.

    Args:
        num_samples: n, samples of the problem.
        num_correct: c, those that are correct.
        k: Samples that one may try, at most n.
    """
    assert 1 <= k <= num_samples
    if num_samples - num_correct < k:
        return 1.0
    return 1.0 - float(np.prod(1.0 - k / np.arange(num_samples - num_correct + 1, num_samples + 1)))


def maj_at_k(answers: Sequence[str | None], correct: Sequence[bool], k: int) -> float:
    """Probability that the most frequent answer of k samples is correct.

    The mean over all subsets of k samples, or over 1,000 drawn ones where there are more, the same ones every
    time. Answers are the same if their texts are; a sample without an answer does not vote, and of answers with
    as many votes each wins by its share.

    Args:
        answers: Extracted answer of each sample.
        correct: Whether it is correct.
        k: Samples that vote, at most as many as there are.
    """
    assert 1 <= k <= len(answers)
    names = sorted({answer for answer in answers if answer is not None})
    if not names:
        return 0.0
    # A text graded differently twice, which a flaky program can be, counts by its share.
    right = np.array([np.mean([c for a, c in zip(answers, correct, strict=True) if a == name]) for name in names])
    votes = np.array([[answer == name for name in names] for answer in answers], dtype=float)
    counts = votes[_subsets(len(answers), k)].sum(axis=1)
    most = counts.max(axis=1, keepdims=True)
    winners = (counts == most) & (most > 0)
    return float((winners @ right / np.maximum(winners.sum(axis=1), 1)).mean())


@lru_cache(maxsize=64)
def _subsets(num_samples: int, k: int) -> Array:
    """Subsets of k of the samples, one a row."""
    if comb(num_samples, k) <= _MOST_SUBSETS:
        return np.array(list(combinations(range(num_samples), k)))
    return np.random.default_rng(0).random((_MOST_SUBSETS, num_samples)).argsort(axis=1)[:, :k]
