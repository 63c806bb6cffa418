"""Near-duplicates."""

import random

import pytest

from z1ray.curation.dedupe import find_duplicates, jaccard, shingles

WORDS = [f"w{number}" for number in range(2000)]


def text(seed, length=200):
    return " ".join(random.Random(seed).choices(WORDS, k=length))


def replaced(base, count):
    """The text with ``count`` words in its middle replaced."""
    words = base.split()
    middle = len(words) // 2
    return " ".join([*words[:middle], *(f"new{number}" for number in range(count)), *words[middle + count :]])


def test_first_wins_and_is_named():
    """One of a group must stay, the same one every time."""
    texts = {"b": text(1), "a": text(2), "c": text(1), "d": replaced(text(1), 2), "e": text(2)}
    assert find_duplicates(texts, 0.8) == {"c": "b", "d": "b", "e": "a"}


@pytest.mark.parametrize("similarity", [0.3, 0.5, 0.8, 0.95, 1.0])
def test_the_threshold_is_exact(similarity):
    """Whatever the index estimates, a pair is a duplicate exactly when its similarity says so."""
    base = text(3, 400)
    for count in (0, 1, 5, 20, 60, 120, 200):
        other = replaced(base, count)
        true = jaccard(shingles(base), shingles(other))
        assert bool(find_duplicates({"a": base, "b": other}, similarity)) == (true >= similarity), (count, true)


def test_short_and_long_answers_are_no_duplicates():
    """The paper wants both for one problem, even where the long one quotes the short one."""
    short = text(4, 60)
    assert not find_duplicates({"short": short, "long": f"{text(5, 300)} {short}"}, 0.8)


def test_repetition_counts():
    """A text that repeats itself is not the same as one that does so twice as long."""
    assert not find_duplicates({"a": "round and round it goes " * 20, "b": "round and round it goes " * 40}, 0.8)


def test_texts_of_few_words():
    """Shorter than a shingle, they still compare."""
    assert find_duplicates({"a": "yes it is", "b": "no", "c": "yes  it\nis", "d": "no it is"}, 0.8) == {"c": "a"}


def test_spacing_does_not_matter():
    """Copies differ in line breaks."""
    assert find_duplicates({"a": text(6), "b": text(6).replace(" ", "\n")}, 1.0) == {"b": "a"}
