"""Texts that repeat another one: bands to buckets to candidates to survivors, on arrays of numbers.

Texts are items with a rank; the lowest rank of equal or similar ones survives. An item is
dropped exactly if it is similar to an item that *stays*: where A is like B and B like C but A not
like C, both A and C stay, as nothing that stays is like the other. (Dropping whole connected
components would drop C for a text that is dropped itself.)

Only items of the same group are compared. A bucket's members are compared with its first few
survivors-to-be only, so the work grows with the number of items even where thousands of
templated texts share a bucket: a pair that is really alike also meets in smaller ones.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from z1ray.curation.text.sketch import jaccard
from z1ray.curation.text.words import Array, mix

# Members of a bucket that all others are compared with.
_LEADERS = 8


def same_key(groups: Array, keys: Array) -> Array:
    """Keys that agree exactly where group and key do (up to 64-bit collisions)."""
    return mix(keys + mix(groups.astype(np.uint64) + np.uint64(1)))


def first_of_equal(keys: Array, ranks: Array) -> Array:
    """For each item the position of the item of lowest rank with the same key."""
    order = np.lexsort((ranks, keys))
    fresh = np.concatenate([[True], keys[order][1:] != keys[order][:-1]]) if len(order) else np.empty(0, dtype=bool)
    leader = order[np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))]
    first = np.empty(len(keys), dtype=np.int64)
    first[order] = leader
    return first


def candidates(keys: Array, ranks: Array) -> Array:
    """Pairs of positions, shape (pairs, 2), worth comparing: those that share a bucket of one band.

    Args:
        keys: Bucket of each item.
        ranks: Lower ranks come first in a bucket and in a pair.
    """
    order = np.lexsort((ranks, keys))
    if not len(order):
        return np.empty((0, 2), dtype=np.int64)
    fresh = np.concatenate([[True], keys[order][1:] != keys[order][:-1]])
    place = np.arange(len(order))
    start = np.maximum.accumulate(np.where(fresh, place, 0))
    pairs = []
    for leader in range(_LEADERS):
        behind = place - start > leader
        pairs.append(np.stack([order[start[behind] + leader], order[behind]], axis=1))
    return np.concatenate(pairs)


def unique_pairs(pairs: Array, num: int) -> Array:
    """The pairs without repeats, ordered by the second member, then the first."""
    packed = np.unique(pairs[:, 1].astype(np.uint64) * np.uint64(num) + pairs[:, 0].astype(np.uint64))
    return np.stack([packed % np.uint64(num), packed // np.uint64(num)], axis=1).astype(np.int64)


def similar(pairs: Array, shingles: Any, similarity: float) -> Iterator[tuple[int, int]]:
    """Those of the pairs whose texts are at least so similar.

    Args:
        pairs: Pairs of item numbers.
        shingles: Gives the sorted shingles of an item by its number.
        similarity: Jaccard similarity, above 0 to 1.
    """
    for first, second in pairs.tolist():
        a, b = shingles[first], shingles[second]
        # No pair is more similar than its sizes allow.
        if min(len(a), len(b)) >= similarity * max(len(a), len(b)) and jaccard(a, b) >= similarity:
            yield first, second


def survivors(pairs: Array, ranks: Array) -> dict[int, int]:
    """For each item that is dropped: the first item that stays and that it is similar to.

    Args:
        pairs: Similar pairs of positions, the member of lower rank first.
        ranks: Of all items.
    """
    dropped: dict[int, int] = {}
    for first, second in pairs[np.lexsort((ranks[pairs[:, 0]], ranks[pairs[:, 1]]))].tolist():
        if second not in dropped and first not in dropped:
            dropped[second] = first
    return dropped
