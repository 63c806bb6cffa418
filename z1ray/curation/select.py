"""Choosing rows up to a number of tokens: the paper's ablation at equal token counts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from z1ray.curation.config import QuotaConfig, Selection
from z1ray.curation.text.words import Array, mix


def in_order(order: Selection, num_tokens: Array, ranks: Array, random: Array, seed: int) -> Array:
    """Positions of the rows, the first to be taken first.

    Args:
        order: Longest or shortest first (of equal length by id), or random by ``seed``; a row's place in the
            random order depends on its id alone, not on the other rows.
        num_tokens: Tokens of each row.
        ranks: Position of each row's id among all ids.
        random: A hash of each row's id.
        seed: Seed of the random order.
    """
    if order == "random":
        first = mix(random ^ mix(np.array([seed], dtype=np.int64).astype(np.uint64)))
    else:
        first = num_tokens.astype(np.int64) * (-1 if order.endswith("longest") else 1)
    places: Array = np.lexsort((ranks, first))
    return places


def within_budget(num_tokens: Array, budget: int, *, overshoot: bool) -> int:
    """How many rows, taken in order, fill the budget.

    Up to the first that does not fit any more; that one and all after it are left, also those that would
    still fit, so the selection is always the longest (the shortest, a random) part of the data.

    Args:
        num_tokens: Tokens of the rows in order.
        budget: Tokens to select.
        overshoot: Also take the row that crosses the budget. Z1's selection script does: it adds rows until
            their sum has reached T.
    """
    sums = np.cumsum(num_tokens, dtype=np.int64)
    if overshoot:
        return int(np.searchsorted(sums, budget, side="left")) + 1 if len(sums) else 0
    return int(np.searchsorted(sums, budget, side="right"))


def cells(
    quotas: QuotaConfig, budget: int, mode: Array, modes: Sequence[str], difficulty: Array, difficulties: Sequence[str]
) -> Iterator[tuple[Array, int]]:
    """Parts of the rows with the tokens each may have: by mode, and within each mode by difficulty.

    Args:
        quotas: Shares of the budget.
        budget: Tokens to select in all.
        mode: Number of each row's mode in ``modes``.
        modes: Names of the modes.
        difficulty: Number of each row's difficulty in ``difficulties``.
        difficulties: Names of the difficulties.
    """
    for own, share in _shares(quotas.mode, mode, modes):
        for part, part_share in _shares(quotas.difficulty, difficulty, difficulties):
            yield own & part, int(budget * share * part_share + 1e-6)


def _shares(quotas: Mapping[str, float], codes: Array, names: Sequence[str]) -> Iterator[tuple[Array, float]]:
    named = np.zeros(len(codes), dtype=bool)
    for name, share in quotas.items():
        own = codes == names.index(name) if name in names else np.zeros(len(codes), dtype=bool)
        named |= own
        yield own, share
    yield ~named, 1 - sum(quotas.values())


def tokens_short(num_tokens: Array, parts: Iterable[tuple[Array, int]]) -> int:
    """How many tokens the parts lack in all to fill what each may have; 0 where every part has enough."""
    return sum(max(0, budget - int(num_tokens[part].sum(dtype=np.int64))) for part, budget in parts)


def select(
    num_tokens: Array,
    ranks: Array,
    random: Array,
    parts: Iterable[tuple[Array, int]],
    order: Selection,
    seed: int,
) -> Array:
    """Which rows are chosen, as a mask; arguments as for ``in_order``, ``parts`` as from ``cells``."""
    chosen = np.zeros(len(num_tokens), dtype=bool)
    for part, budget in parts:
        places = np.flatnonzero(part)
        places = places[in_order(order, num_tokens[places], ranks[places], random[places], seed)]
        if budget > 0:
            chosen[places[: within_budget(num_tokens[places], budget, overshoot=order.startswith("z1_"))]] = True
    return chosen
