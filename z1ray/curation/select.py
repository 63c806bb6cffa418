"""Choosing rows up to a number of tokens: the paper's ablation at equal token counts."""

import random
from collections.abc import Sequence
from typing import Literal

from z1ray.records import Row

Order = Literal["longest", "shortest", "random"]


def select(rows: Sequence[Row], order: Order, token_budget: int | None, seed: int) -> set[str]:
    """Ids of the rows that fit into the token budget.

    Rows are taken in order until one does not fit any more; that one and all after it are
    left, also those that would still fit, so the selection is always the longest (the
    shortest, a random) part of the data and never above the budget. Rows of equal length
    go by id. This is the rule of Z1's selection script: longest or shortest first until the
    sum of tokens reaches T.

    Args:
        rows: Rows with ``trajectory_id`` and ``num_tokens``.
        order: Which rows come first.
        token_budget: Tokens to select; None takes all rows.
        seed: Seed of the random order.
    """
    if token_budget is None:
        return {row["trajectory_id"] for row in rows}
    chosen, total = set(), 0
    for row in _ordered(rows, order, seed):
        total += row["num_tokens"]
        if total > token_budget:
            break
        chosen.add(row["trajectory_id"])
    return chosen


def _ordered(rows: Sequence[Row], order: Order, seed: int) -> list[Row]:
    by_id = sorted(rows, key=lambda row: str(row["trajectory_id"]))
    if order == "random":
        random.Random(seed).shuffle(by_id)
        return by_id
    sign = -1 if order == "longest" else 1
    return sorted(by_id, key=lambda row: sign * int(row["num_tokens"]))
