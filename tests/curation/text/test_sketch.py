"""Shingles, signatures and bands."""

import random

import numpy as np
import pytest

from z1ray.curation.text.sketch import bands_for, jaccard, sketch
from z1ray.curation.text.words import Words


def letters(number):
    """A word of its own for each number, without digits, which would be words of their own."""
    return "".join(chr(97 + int(digit)) for digit in str(number))


VOCABULARY = [f"w{letters(number)}" for number in range(2000)]


def text(seed, length=200):
    return " ".join(random.Random(seed).choices(VOCABULARY, k=length))


def shingles(*texts):
    found = sketch(Words(texts), bands_for(0.8))
    ends = np.cumsum(found.lengths)
    return [found.shingles[end - length : end] for end, length in zip(ends, found.lengths, strict=True)]


def test_similarity_is_that_of_plain_sets():
    """Hashes stand for runs of words; the figure must be the one a person would compute."""
    base = text(1, 300).split()
    for count in (0, 1, 5, 20, 60):
        other = [*base[:100], *(f"new{letters(number)}" for number in range(count)), *base[100 + count :]]
        sets = [{tuple(words[i : i + 5]) for i in range(len(words) - 4)} for words in (base, other)]
        expected = len(sets[0] & sets[1]) / len(sets[0] | sets[1])
        assert jaccard(*shingles(" ".join(base), " ".join(other))) == pytest.approx(expected)


def test_repetition_counts():
    """A text that repeats itself is not the same as one that does so twice as long."""
    once, twice = shingles("round and round it goes " * 20, "round and round it goes " * 40)
    assert jaccard(once, twice) < 0.6


def test_few_words_still_compare():
    """Shorter than a shingle, a text is one shingle: equal or not."""
    yes, same, no = shingles("yes it is", "Yes,  it\nis!", "no it is")
    assert jaccard(yes, same) == 1
    assert jaccard(yes, no) == 0


def test_exact_is_equality_of_words():
    """Case and punctuation do not make a text another; words and their order do."""
    texts = ["Let x be 4.", "let X be 4", "let be x 4", "let x be 5", "let x be 4 4", "", "!"]
    exact = sketch(Words(texts), bands_for(0.8)).exact.tolist()
    assert exact[0] == exact[1]
    assert exact[5] == exact[6]
    assert len(set(exact)) == 5


def test_texts_are_sketched_alike_alone_and_together():
    """How rows fall into batches must not decide what is a duplicate."""
    texts = [text(seed, length) for seed, length in enumerate((3, 0, 50, 700, 5))]
    together = sketch(Words(texts), bands_for(0.8))
    alone = [sketch(Words([each]), bands_for(0.8)) for each in texts]
    assert np.array_equal(together.bands, np.concatenate([each.bands for each in alone]))
    assert np.array_equal(together.exact, np.concatenate([each.exact for each in alone]))
    assert np.array_equal(together.shingles, np.concatenate([each.shingles for each in alone]))


@pytest.mark.parametrize("similarity", [0.3, 0.5, 0.8, 0.9, 0.95])
def test_bands_miss_few_at_the_threshold(similarity):
    """The share of missed pairs is arithmetic: (1 - s^rows)^bands."""
    bands = bands_for(similarity)
    assert (1 - similarity**bands.rows) ** bands.num <= 0.005
    assert bands.num <= 16


def test_signatures_agree_as_often_as_texts_are_similar():
    """The bands' arithmetic rests on it: a biased hash would miss pairs that it promises to find."""
    bands, found, expected = bands_for(0.8), [], []
    for seed in range(150):
        base = text(seed, 300)
        words = base.split()
        other = " ".join([*words[:100], *(f"n{letters(seed)}x{letters(number)}" for number in range(16)), *words[116:]])
        both = sketch(Words([base, other]), bands)
        expected.append(jaccard(both.shingles[: both.lengths[0]], both.shingles[both.lengths[0] :]) ** bands.rows)
        found.append((both.bands[0] == both.bands[1]).mean())
    assert np.mean(found) == pytest.approx(np.mean(expected), abs=0.06)
