"""Texts as arrays of 64-bit word hashes, many texts at a time.

A word is a run of letters, or of digits, of any script (``2x`` is two). A Chinese, Japanese or Korean character
is a word of its own, for these are written without spaces, and so is an operator (``+``, ``<``):
``a + b`` is not ``a - b``. All other punctuation only separates, and so do bullets, hyphens
and Markdown's stars.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from z1ray.curation.text.normal import normalize

Array = np.ndarray[Any, Any]

_SEPARATOR, _LETTER, _SINGLE, _DIGIT = range(4)
_OPERATORS = "+-*/%=<>^&|~"
# Scripts without spaces between words: kana, ideographs, Hangul syllables, their extensions.
_SINGLE_RANGES = ((0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0x20000, 0x323AF))
_BASE = np.uint64(0x9E3779B97F4A7C15)


class Words:
    """The words of several texts.

    Attributes:
        hashes: 64-bit hash of each word, all texts one after the other.
        verbal: Which words are neither numbers nor operators.
        offsets: Text ``i`` has the words ``offsets[i]`` to ``offsets[i + 1]``.
    """

    def __init__(self, texts: Sequence[str], boilerplate: Sequence[str] = ()) -> None:
        normal = [normalize(text, boilerplate) for text in texts]
        self._joined = "\n".join(normal)
        codes = np.frombuffer(self._joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        kinds = _kinds(codes)
        self._starts, self._ends = _spans(kinds)
        first = codes[self._starts]
        self.verbal = (kinds[self._starts] != _DIGIT) & ~np.isin(first, [ord(sign) for sign in _OPERATORS])
        self.hashes = _hash(codes[kinds != _SEPARATOR], self._ends - self._starts)
        ends = np.cumsum(np.fromiter((len(text) + 1 for text in normal), dtype=np.int64, count=len(normal)))
        self.offsets = np.searchsorted(self._starts, np.concatenate([[0], ends]))

    @property
    def counts(self) -> Array:
        """Words per text."""
        return np.diff(self.offsets)

    def text(self, start: int, stop: int) -> str:
        """What stands from word ``start`` up to word ``stop``, normalized."""
        return self._joined[self._starts[start] : self._ends[stop - 1]]

    def runs(self, length: int) -> Array:
        """Hash of the ``length`` words from each word on; the last ones of a text run into the next."""
        rolled = self.hashes.copy()
        for step in range(1, length):
            rolled *= _BASE
            rolled[: max(0, len(rolled) - step)] += self.hashes[step:]
        return mix(rolled)

    def starts(self, length: int) -> Array:
        """Numbers of the words that begin a run of ``length`` within their text."""
        left = np.repeat(self.offsets[1:], self.counts) - np.arange(len(self.hashes))
        return np.flatnonzero(left >= length)


def mix(values: Array) -> Array:
    """Spread 64-bit values evenly (the finalizer of SplitMix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Array = values ^ (values >> np.uint64(31))
    return mixed


@cache
def _table() -> Array:
    """What each code point is."""
    characters = [chr(code) for code in range(0x110000)]
    kinds = np.array([_DIGIT if each.isnumeric() else each.isalnum() for each in characters], dtype=np.uint8)
    for first, last in _SINGLE_RANGES:
        kinds[first : last + 1] = _SINGLE
    kinds[[ord(sign) for sign in _OPERATORS]] = _SINGLE
    return kinds


def _kinds(codes: Array) -> Array:
    kinds = _table()[codes]
    for sign in "-*":
        places = np.flatnonzero(codes == ord(sign))
        before, after = codes[np.maximum(places - 1, 0)], codes[np.minimum(places + 1, len(codes) - 1)]
        spaced = (before == ord(" ")) & (after == ord(" "))
        # A minus stands before a digit, a star between two words; else it is a hyphen, a bullet or emphasis.
        if sign == "-":
            tight = (after >= ord("0")) & (after <= ord("9"))
        else:
            tight = (_table()[before] % 2 == 1) & (_table()[after] % 2 == 1)  # letters or digits
        kinds[places[~(spaced | tight)]] = _SEPARATOR
    return kinds


def _spans(kinds: Array) -> tuple[Array, Array]:
    # Letters and digits go on as long as the kind stays; a single is never joined.
    joined = np.zeros(len(kinds) + 1, dtype=bool)
    joined[1:-1] = (kinds[1:] == kinds[:-1]) & (kinds[1:] != _SINGLE)
    word = kinds != _SEPARATOR
    return np.flatnonzero(word & ~joined[:-1]), np.flatnonzero(word & ~joined[1:]) + 1


def _hash(codes: Array, lengths: Array) -> Array:
    """Polynomial hash of each word's characters."""
    if not len(lengths):
        return np.empty(0, dtype=np.uint64)
    first = np.cumsum(lengths) - lengths
    place = np.arange(len(codes)) - np.repeat(first, lengths)
    powers = np.cumprod(np.full(int(lengths.max()), _BASE))
    return mix(np.add.reduceat((codes.astype(np.uint64) + np.uint64(1)) * powers[place], first))
