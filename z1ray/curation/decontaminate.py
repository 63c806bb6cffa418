"""Training problems that share text with a benchmark problem."""

import re
from collections.abc import Iterable, Mapping, Sequence

from z1ray.records import Row

_WORD = re.compile(r"\w+")

Words = tuple[str, ...]


def find_contaminated(
    questions: Mapping[str, str], benchmark: Iterable[Row], ngram: int, boilerplate: Sequence[str] = ()
) -> dict[str, str]:
    """For each question that overlaps with a benchmark question: that problem's id (the first found).

    Two questions overlap if they share ``ngram`` words in a row, case and punctuation aside. A
    benchmark question of fewer words overlaps with every question that contains all of it.

    Args:
        questions: Training questions by problem id.
        benchmark: Problem rows of the benchmarks.
        ngram: Words in a row.
        boilerplate: Sentences that z1ray itself adds to questions; not compared.
    """
    index = _index(benchmark, ngram, boilerplate)
    lengths = sorted({len(run) for run in index})
    found = {}
    for problem_id, question in questions.items():
        words = _words(question, boilerplate)
        hits = (index[run] for length in lengths for run in _runs(words, length) if run in index)
        hit = next(hits, None)
        if hit is not None:
            found[problem_id] = hit
    return found


def _index(benchmark: Iterable[Row], ngram: int, boilerplate: Sequence[str]) -> dict[Words, str]:
    index: dict[Words, str] = {}
    for row in benchmark:
        words = _words(row["question"], boilerplate)
        for run in _runs(words, min(ngram, len(words))):
            index.setdefault(run, row["problem_id"])
    return index


def _runs(words: Words, length: int) -> Iterable[Words]:
    return (words[start : start + length] for start in range(len(words) - length + 1)) if length else ()


def _words(text: str, boilerplate: Sequence[str]) -> Words:
    for sentence in boilerplate:
        text = text.replace(sentence, " ")
    return tuple(_WORD.findall(text.lower()))
