"""Which problems and rows share text with a benchmark, judged over the whole data.

A run of words that is found in more than ``common`` problems says nothing about where they come
from ("write a function that takes a list of integers and returns ..."), so it does not count by
itself; it does where half of all runs of the same benchmark problem are found together, for that
is a copy however often it was made. A question that is little more than a whole benchmark question
is a copy, too.
"""

from dataclasses import dataclass

import numpy as np

from z1ray.curation.benchmark import Index
from z1ray.curation.text.words import Array

QUESTION, RESPONSE, REFERENCE, WHOLE = range(4)
FIELDS = ("question", "response", "reference solution", "whole question")
_COPIED = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Runs of benchmarks in the training data; one entry per run and place, all arrays of one length.

    Attributes:
        problems: Number of the training problem.
        rows: Number of the row whose response it is; -1 for a question or reference solution.
        grams: Number of the run.
        fields: Where it was found, as in ``FIELDS``.
    """

    problems: Array
    rows: Array
    grams: Array
    fields: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Contamination:
    """The verdict.

    Attributes:
        problems: Contaminated problems, with ``problem_grams`` and ``problem_fields`` that show it.
        rows: Contaminated responses, with ``row_grams``.
        num_common: Runs that did not count by themselves.
    """

    problems: Array
    problem_grams: Array
    problem_fields: Array
    rows: Array
    row_grams: Array
    num_common: int


def judge(found: Found, index: Index, common: int) -> Contamination:
    """What is contaminated, each with the first run that shows it.

    Args:
        found: All runs found.
        index: The benchmarks' runs.
        common: A run in more problems than this does not count by itself.
    """
    frequent = _common(found, len(index.problem_of), common)
    counts = (found.fields == WHOLE) | ~frequent[found.grams] | _copied(found, index)
    order = np.lexsort((found.grams, found.fields))
    order = order[counts[order]]
    whose, rows, grams, fields = (values[order] for values in (found.problems, found.rows, found.grams, found.fields))
    problems, first = np.unique(whose[rows < 0], return_index=True)
    responses, first_response = np.unique(rows[rows >= 0], return_index=True)
    return Contamination(
        problems=problems,
        problem_grams=grams[rows < 0][first],
        problem_fields=fields[rows < 0][first],
        rows=responses,
        row_grams=grams[rows >= 0][first_response],
        num_common=int(frequent.sum()),
    )


def _common(found: Found, num_grams: int, common: int) -> Array:
    counted = found.fields != WHOLE
    pairs = np.unique(np.stack([found.grams[counted], found.problems[counted]]), axis=1)
    frequent: Array = np.bincount(pairs[0], minlength=num_grams) > common
    return frequent


def _copied(found: Found, index: Index) -> Array:
    """Whether half of the runs of the same benchmark problem are in the same text."""
    text = np.where(found.rows >= 0, found.rows, -1 - found.problems)
    whose = index.problem_of[found.grams]
    pairs, place = np.unique(np.stack([text, whose]), axis=1, return_inverse=True)
    place = place.ravel()
    counts = np.bincount(np.unique(np.stack([place, found.grams]), axis=1)[0], minlength=pairs.shape[1])
    total = index.num_runs[pairs[1]]
    copied: Array = ((counts >= _COPIED * total) & (total >= index.ngram))[place]
    return copied
