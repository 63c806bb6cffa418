"""The runs of words by which text of a benchmark is recognised.

Of each benchmark problem all runs of ``ngram`` words of its question and of its reference
solution. A text of fewer words is one run, whole; one of fewer than eight words says too little to
be found inside another text, and counts only where it is at least three quarters of a question. A run that
more than ``common`` problems of the benchmarks share is their template and not looked for.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from z1ray.curation.text.words import Array, Words
from z1ray.records import Row

_LEAST_WORDS = 8
_SOLUTIONS = ("solution", "canonical_solution", "reference_solution")
_WHOLE = 0.75
_FILTER_BITS = 22


@dataclass(frozen=True, slots=True)
class Hits:
    """Runs found in several texts: the text's number, the first word's number, the run's number."""

    texts: Array
    words: Array
    grams: Array


class Index:
    """Runs of words of benchmark problems.

    Args:
        problems: Problem rows of the benchmarks.
        ngram: Words in a row.
        common: A run of more problems than this is a template.
        boilerplate: Sentences that z1ray itself adds to questions; not compared.

    Attributes:
        problem_ids: Of the benchmark problems.
        problem_of: Number of the benchmark problem of each run, the first that has it.
        num_runs: Runs of each benchmark problem.
    """

    def __init__(self, problems: Sequence[Row], ngram: int, common: int, boilerplate: Sequence[str] = ()) -> None:
        self.problem_ids = [str(row["problem_id"]) for row in problems]
        self.ngram, self.boilerplate = ngram, tuple(boilerplate)
        texts = [(number, text) for number, row in enumerate(problems) for text in benchmark_texts(row)]
        self._texts = [text for _, text in texts]
        words = Words(self._texts, boilerplate)
        owners = np.array([number for number, _ in texts], dtype=np.int64)
        runs = [_runs(words, owners, length, ngram) for length in _lengths(words, ngram)]
        kept = [_without_common(run, common if len(run.hashes) and run.length >= self.least else None) for run in runs]
        self._by_length = {run.length: np.unique(run.hashes) for run in kept if len(run.hashes)}
        self._first = dict(zip(self._by_length, np.cumsum([0, *map(len, self._by_length.values())]), strict=False))
        places = {run.length: np.unique(run.hashes, return_index=True)[1] for run in kept}
        none = np.empty(0, dtype=np.int64)
        self.problem_of = np.concatenate([none, *(run.owners[places[run.length]] for run in kept)])
        self._places = np.concatenate([none, *(run.places[places[run.length]] for run in kept)])
        self.num_runs = np.bincount(self.problem_of, minlength=len(problems))
        self._filter = np.zeros(1 << _FILTER_BITS, dtype=bool)
        for hashes in self._by_length.values():
            self._filter[_low_bits(hashes)] = True

    @property
    def least(self) -> int:
        """Words from which a run counts inside a longer text."""
        return min(_LEAST_WORDS, self.ngram)

    def find(self, words: Words) -> Hits:
        """Runs of ``least`` words or more that the texts share with a benchmark."""
        return self._find(words, [length for length in self._by_length if length >= self.least])

    def find_questions(self, words: Words) -> Hits:
        """Whole benchmark questions of any length that are nearly a whole question."""
        hits = self._find(words, [length for length in self._by_length if length < self.ngram])
        large = self.lengths[hits.grams] >= _WHOLE * words.counts[hits.texts]
        return Hits(hits.texts[large], hits.words[large], hits.grams[large])

    @property
    def lengths(self) -> Array:
        """Words of each run."""
        return np.repeat(
            np.array(list(self._by_length), dtype=np.int64), [len(hashes) for hashes in self._by_length.values()]
        )

    def texts(self, grams: Sequence[int]) -> list[str]:
        """The words of runs."""
        words, lengths = Words(self._texts, self.boilerplate), self.lengths
        places = [(int(self._places[gram]), int(lengths[gram])) for gram in grams]
        return [
            " ".join(words.text(place, place + 1) for place in range(start, start + length)) for start, length in places
        ]

    def _find(self, words: Words, lengths: Sequence[int]) -> Hits:
        found = [self._find_length(words, length) for length in lengths]
        none = np.empty(0, dtype=np.int64)
        places = np.concatenate([none, *(places for places, _ in found)])
        grams = np.concatenate([none, *(grams for _, grams in found)])
        return Hits(np.searchsorted(words.offsets, places, side="right") - 1, places, grams)

    def _find_length(self, words: Words, length: int) -> tuple[Array, Array]:
        runs, known = words.runs(length), self._by_length[length]
        # Nearly all runs fail at the filter, which fits into a cache; the others are looked up.
        likely = np.flatnonzero(self._filter[_low_bits(runs)])
        places = np.minimum(np.searchsorted(known, runs[likely]), len(known) - 1)
        same = known[places] == runs[likely]
        starts, grams = likely[same], places[same] + self._first[length]
        within = np.isin(starts, words.starts(length)) if len(starts) else np.empty(0, dtype=bool)
        return starts[within], grams[within]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Runs:
    """Runs of one length: hash, benchmark problem and first word of each."""

    length: int
    hashes: Array
    owners: Array
    places: Array


def benchmark_texts(problem: Row) -> Iterator[str]:
    """The question and the reference solutions of a problem."""
    yield problem["question"]
    yield from solutions(problem)


def solutions(problem: Row) -> Iterator[str]:
    """Reference solutions: of the tests, or brought along by the source."""
    if problem["tests"] is not None and problem["tests"]["reference"]:
        yield problem["tests"]["reference"]
    metadata = json.loads(problem["metadata"] or "{}") if problem.get("metadata") else {}
    yield from (metadata[name] for name in _SOLUTIONS if isinstance(metadata.get(name), str))


def _lengths(words: Words, ngram: int) -> list[int]:
    return sorted({min(ngram, int(count)) for count in words.counts if count})


def _runs(words: Words, owners: Array, length: int, ngram: int) -> _Runs:
    """All runs of ``ngram`` words; of a smaller length those that are a whole text."""
    starts = words.starts(length)
    texts = np.searchsorted(words.offsets, starts, side="right") - 1
    if length < ngram:
        keep = words.counts[texts] == length
    else:
        verbal = np.concatenate([[0], np.cumsum(words.verbal)])
        telling = 2 * (verbal[starts + length] - verbal[starts]) >= length
        keep = telling | ~np.isin(texts, texts[telling])
    starts, texts = starts[keep], texts[keep]
    return _Runs(length=length, hashes=words.runs(length)[starts], owners=owners[texts], places=starts)


def _without_common(runs: _Runs, common: int | None) -> _Runs:
    if common is None:
        return runs
    pairs = np.unique(np.stack([runs.hashes, runs.owners.astype(np.uint64)]), axis=1)
    hashes, counts = np.unique(pairs[0], return_counts=True)
    keep = ~np.isin(runs.hashes, hashes[counts > common])
    return _Runs(length=runs.length, hashes=runs.hashes[keep], owners=runs.owners[keep], places=runs.places[keep])


def _low_bits(hashes: Array) -> Array:
    bits: Array = hashes & np.uint64((1 << _FILTER_BITS) - 1)
    return bits
