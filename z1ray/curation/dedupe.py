"""Near-duplicate responses, by the Jaccard similarity of their word shingles.

MinHash signatures in a locality-sensitive index (datasketch) name the candidates, a direct
comparison decides: no row is dropped on an estimate. The index can miss a pair near the
threshold; it is tuned for misses to be rare, not for speed.
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping

from datasketch import MinHash, MinHashLSH

SHINGLE_WORDS = 5
_NUM_PERM = 128
# The index looks for less similar pairs than asked, and weighs a missed pair above a needless comparison.
_INDEX_SLACK = 0.9
_MISS_WEIGHT = 0.9

Shingles = frozenset[tuple[str, int]]


def shingles(text: str) -> Shingles:
    """Runs of five words, each with its count so far, so that repetition counts too.

    A text of fewer words is one shingle.
    """
    words = text.split()
    runs = (" ".join(words[start : start + SHINGLE_WORDS]) for start in range(max(1, len(words) - SHINGLE_WORDS + 1)))
    seen: Counter[str] = Counter()
    found = set()
    for run in runs:
        seen[run] += 1
        found.add((run, seen[run]))
    return frozenset(found)


def jaccard(a: Shingles, b: Shingles) -> float:
    """Shared shingles over all shingles, 0 to 1."""
    return len(a & b) / len(a | b)


def find_duplicates(texts: Mapping[str, str], similarity: float) -> dict[str, str]:
    """For each id whose text repeats an earlier one: the id of the first text it repeats.

    Args:
        texts: Texts by id, in the order in which the first wins.
        similarity: Jaccard similarity from which two texts are duplicates, above 0 to 1.
    """
    index = MinHashLSH(
        threshold=similarity * _INDEX_SLACK, num_perm=_NUM_PERM, weights=(1 - _MISS_WEIGHT, _MISS_WEIGHT)
    )
    position = {name: number for number, name in enumerate(texts)}
    duplicates: dict[str, str] = {}
    for name, text in texts.items():
        own = shingles(text)
        signature = _signature(own)
        candidates = sorted(index.query(signature), key=position.__getitem__)
        first = _first_similar(own, ((other, texts[other]) for other in candidates), similarity)
        if first is None:
            index.insert(name, signature)
        else:
            duplicates[name] = first
    return duplicates


def _first_similar(own: Shingles, others: Iterable[tuple[str, str]], similarity: float) -> str | None:
    return next((name for name, text in others if jaccard(own, shingles(text)) >= similarity), None)


def _signature(own: Shingles) -> MinHash:
    signature = MinHash(num_perm=_NUM_PERM, hashfunc=zlib.crc32)
    signature.update_batch([f"{run}\0{count}".encode() for run, count in own])
    return signature
