"""Shingles and signatures: what is compared to find texts that are nearly the same.

The similarity of two texts is the Jaccard similarity of their shingles, runs of five words with
their count so far. MinHash signatures in bands find candidates (Broder 1997; Leskovec, Rajaraman
and Ullman, "Mining of Massive Datasets", chapter 3); the shingles themselves decide.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from z1ray.curation.text.words import Array, Words, mix

SHINGLE_WORDS = 5
# At most so many pairs of exactly the threshold's similarity share no band.
_MISSED = 0.005
_MAX_BANDS = 16
_MAX_ROWS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Bands:
    """How a signature is cut: ``num`` bands of ``rows`` hashes; two texts that agree in one are candidates."""

    num: int
    rows: int


def bands_for(similarity: float) -> Bands:
    """The bands that miss at most 0.5 % of the pairs of that similarity, with the longest rows.

    The more similar a pair, the rarer the miss: at the default of 0.8 one pair in 10^6 of similarity 0.9.
    """
    if similarity == 1:
        return Bands(num=0, rows=0)  # equal texts are found by their hash
    options = [
        Bands(num=math.ceil(math.log(_MISSED) / math.log1p(-(similarity**rows))), rows=rows)
        for rows in range(_MAX_ROWS, 0, -1)
    ]
    return next((option for option in options if option.num <= _MAX_BANDS), options[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """What several texts are compared by.

    Attributes:
        exact: 64-bit hash of each text's words.
        bands: 64-bit hash of each text's bands, shape (texts, bands).
        shingles: Sorted 32-bit shingle hashes, all texts one after the other.
        lengths: Shingles of each text.
    """

    exact: Array
    bands: Array
    shingles: Array
    lengths: Array


def sketch(words: Words, bands: Bands) -> Sketch:
    """The sketch of texts."""
    found = _shingles(words)
    lengths = np.fromiter(map(len, found), dtype=np.int64, count=len(found))
    shingles = np.concatenate([np.empty(0, dtype=np.uint32), *found])
    return Sketch(
        exact=_exact(words), bands=_bands(shingles, lengths, bands), shingles=shingles, lengths=lengths.astype(np.int32)
    )


def sketch_columns(found: Sketch) -> dict[str, Array]:
    """The numbers of a sketch that are one per text, by column name; its shingles are kept apart."""
    bands = {f"band_{number}": found.bands[:, number] for number in range(found.bands.shape[1])}
    return {"exact": found.exact, "shingles": found.lengths, **bands}


def jaccard(a: Array, b: Array) -> float:
    """Shared shingles over all shingles, 0 to 1; of two sorted arrays without repeats."""
    shared = len(np.intersect1d(a, b, assume_unique=True))
    return shared / (len(a) + len(b) - shared)


def _exact(words: Words) -> Array:
    """Sum over the words of word times a hash of its place: other words or another order give another sum."""
    place = np.arange(len(words.hashes)) - np.repeat(words.offsets[:-1], words.counts)
    values = np.concatenate([words.hashes * mix(place.astype(np.uint64) + np.uint64(1)), np.zeros(1, dtype=np.uint64)])
    sums = np.add.reduceat(values, words.offsets[:-1])
    return mix(np.where(words.counts > 0, sums, 0) + words.counts.astype(np.uint64))


def _shingles(words: Words) -> list[Array]:
    """Of each text; one of fewer than five words is one shingle."""
    runs, whole, found = words.runs(SHINGLE_WORDS), _exact(words), []
    for number, (start, stop) in enumerate(zip(words.offsets[:-1], words.offsets[1:], strict=True)):
        last = stop - SHINGLE_WORDS + 1
        found.append(_counted(runs[start:last] if last > start else whole[number : number + 1]))
    return found


def _counted(runs: Array) -> Array:
    """The runs with their count so far, so that repetition counts too; as sorted 32-bit hashes."""
    ordered = np.sort(runs)
    place = np.arange(len(ordered))
    fresh = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    count = place - np.maximum.accumulate(np.where(fresh, place, 0))
    hashed = mix(ordered + count.astype(np.uint64) * np.uint64(0xD1B54A32D192ED03)) >> np.uint64(32)
    return np.unique(hashed.astype(np.uint32))


def _bands(shingles: Array, lengths: Array, bands: Bands) -> Array:
    first = np.cumsum(lengths) - lengths
    keys = np.empty((len(lengths), bands.num), dtype=np.uint64)
    if not len(lengths):
        return keys
    masks, factors = _permutations(bands.num * bands.rows)
    for band in range(bands.num):
        key = np.full(len(lengths), band, dtype=np.uint64)
        for row in range(band * bands.rows, (band + 1) * bands.rows):
            least = np.minimum.reduceat((shingles ^ masks[row]) * factors[row], first)
            key = mix(key + least.astype(np.uint64))
        keys[:, band] = key
    return keys


def _permutations(num: int) -> tuple[Any, Any]:
    values = np.random.default_rng(1).integers(0, 1 << 32, (2, num), dtype=np.uint32)
    return values[0], values[1] | np.uint32(1)
