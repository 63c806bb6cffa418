"""The requests of a simulated run: 107K problems in two modes, heavy-tailed lengths.

A problem has a hidden hardness. Its difficulty label (a quarter has none) and the
length of its question know only part of it, and the tokens an answer takes depend
on the hardness and on a lot of chance besides: lognormal within a mode, and three
in a hundred run away (Pareto, exponent 1.2) until ``max_tokens`` stops many of them.
So an order by what is known beforehand (``longest_first``) can only be partly right.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# Ranks of the labels: easy < unlabelled < medium < hard.
_LABELS = 4
_CHARS_PER_TOKEN = 4
_TEMPLATE_TOKENS = 40  # chat template and system prompt


@dataclass(frozen=True, kw_only=True)
class Mode:
    """Lengths of one way of asking.

    Attributes:
        median_tokens: Of an answer.
        max_tokens: Where the engine stops.
    """

    median_tokens: int
    max_tokens: int


# `max_tokens` as in conf/z1-7b.yaml.
MODES = (Mode(median_tokens=500, max_tokens=4096), Mode(median_tokens=3500, max_tokens=14_336))


@dataclass(frozen=True, kw_only=True)
class Requests:
    """One entry per request, in the order of the table.

    Attributes:
        prompt_tokens, output_tokens: Lengths; the second is what nobody knows beforehand.
        max_tokens, label, question_length: What the table's order may use.
    """

    prompt_tokens: Ints
    output_tokens: Ints
    max_tokens: Ints
    label: Ints
    question_length: Ints

    def __len__(self) -> int:
        return len(self.output_tokens)

    def take(self, index: Ints) -> "Requests":
        """The requests at ``index``, in that order."""
        return Requests(**{name: values[index] for name, values in vars(self).items()})


def make_requests(num_problems: int, seed: int, modes: tuple[Mode, ...] = MODES) -> Requests:
    """All requests, problem by problem: the order they would have if nobody sorted them."""
    rng = np.random.default_rng(seed)
    hardness = rng.normal(size=num_problems)
    label = _labels(hardness, rng)
    question = np.exp(np.log(600) + 0.6 * (0.5 * hardness + 0.87 * rng.normal(size=num_problems))).astype(np.int64)
    tokens = np.stack([_output_tokens(mode, hardness, rng) for mode in modes], axis=1)
    return Requests(
        prompt_tokens=np.repeat(_TEMPLATE_TOKENS + question // _CHARS_PER_TOKEN, len(modes)),
        output_tokens=tokens.ravel(),
        max_tokens=np.tile(np.array([mode.max_tokens for mode in modes]), num_problems),
        label=np.repeat(label, len(modes)),
        question_length=np.repeat(question, len(modes)),
    )


def longest_first(requests: Requests) -> Requests:
    """The table's order: by ``max_tokens``, then difficulty, then length of the question."""
    return requests.take(np.lexsort((-requests.question_length, -requests.label, -requests.max_tokens)))


def explained_share(requests: Requests) -> float:
    """Share of the variance of log tokens, within a mode, that label and question length explain (R squared)."""
    known = np.stack([*(requests.label == label for label in range(_LABELS)), np.log(requests.question_length)], axis=1)
    explained, total = 0.0, 0.0
    for limit in np.unique(requests.max_tokens):
        rows = requests.max_tokens == limit
        length, x = np.log(requests.output_tokens[rows]), known[rows].astype(float)
        rest = length - x @ np.linalg.lstsq(x, length, rcond=None)[0]
        total += rows.sum() * length.var()
        explained += rows.sum() * (length.var() - rest.var())
    return float(explained / total)


def _labels(hardness: Floats, rng: np.random.Generator) -> Ints:
    seen = 0.7 * hardness + 0.7 * rng.normal(size=len(hardness))
    ranks: Ints = np.array([0, 2, 3])[np.digitize(seen, [-0.6, 0.6])]
    ranks[rng.random(len(hardness)) < 0.25] = 1
    return ranks


def _output_tokens(mode: Mode, hardness: Floats, rng: np.random.Generator) -> Ints:
    num = len(hardness)
    runaway = np.where(rng.random(num) < 0.03, 1 + rng.pareto(1.2, num), 1.0)
    tokens = mode.median_tokens * np.exp(0.35 * hardness + 0.45 * rng.normal(size=num)) * runaway
    clipped: Ints = np.clip(tokens, 1, mode.max_tokens).astype(np.int64)
    return clipped
