"""What several samples of a problem add up to: pass@k and maj@k."""

from collections.abc import Sequence

import numpy as np

_NUM_DRAWS = 100


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

    The mean over 100 drawn subsets of k samples, the same ones every time. Answers are the same if their
    texts are; a sample without an answer does not vote, and a tie is decided at random.

    Args:
        answers: Extracted answer of each sample.
        correct: Whether it is correct.
        k: Samples that vote, at most as many as there are.
    """
    assert 1 <= k <= len(answers)
    rng = np.random.default_rng(0)
    names = sorted({answer for answer in answers if answer is not None})
    if not names:
        return 0.0
    # A text graded differently twice, which a flaky program can be, counts by its share.
    right = np.array([np.mean([c for a, c in zip(answers, correct, strict=True) if a == name]) for name in names])
    votes = np.array([[answer == name for name in names] for answer in answers], dtype=float)
    drawn = rng.random((_NUM_DRAWS, len(answers))).argsort(axis=1)[:, :k]
    counts = votes[drawn].sum(axis=1)
    winners = (counts + rng.random(counts.shape) / 2).argmax(axis=1)
    return float(np.where(counts.any(axis=1), right[winners], 0.0).mean())
