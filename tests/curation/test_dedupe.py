"""Who survives among texts that repeat each other."""

import random
import time

import numpy as np
import pytest

from z1ray.curation.dedupe import candidates, first_of_equal, same_key, similar, survivors, unique_pairs
from z1ray.curation.text.sketch import bands_for, jaccard, sketch
from z1ray.curation.text.words import Words


def letters(number):
    """A word of its own for each number, without digits, which would be words of their own."""
    return "".join(chr(97 + int(digit)) for digit in str(number))


VOCABULARY = [f"w{letters(number)}" for number in range(2000)]


def text(seed, length=200):
    return " ".join(random.Random(seed).choices(VOCABULARY, k=length))


def replaced(base, count, start=100):
    words = base.split()
    return " ".join(
        [
            *words[:start],
            *(f"new{letters(start)}x{letters(number)}" for number in range(count)),
            *words[start + count :],
        ]
    )


def shingles_of(texts, threshold):
    found = sketch(Words(texts), bands_for(threshold))
    ends = np.cumsum(found.lengths)
    shingles = [found.shingles[end - length : end] for end, length in zip(ends, found.lengths, strict=True)]
    return found, shingles


def repeats(texts, similarity, groups=None, ranks=None):
    """The functions together, as the phases use them, on a few texts in one process."""
    ranks = np.arange(len(texts)) if ranks is None else np.array(ranks)
    groups = np.zeros(len(texts), dtype=np.int64) if groups is None else np.array(groups)
    found, shingles = shingles_of(texts, similarity)
    first = first_of_equal(same_key(groups, found.exact), ranks)
    unlike = np.flatnonzero(first == np.arange(len(texts)))
    pairs = [
        unlike[candidates(same_key(groups[unlike], found.bands[unlike, band]), ranks[unlike])]
        for band in range(found.bands.shape[1])
    ]
    near = unique_pairs(np.concatenate([np.empty((0, 2), dtype=np.int64), *pairs]), len(texts))
    alike = np.array(list(similar(near, shingles, similarity)), dtype=np.int64).reshape(-1, 2)
    dropped = survivors(alike, ranks)
    equal = np.flatnonzero(first != np.arange(len(texts))).tolist()
    return dropped | {place: dropped.get(int(first[place]), int(first[place])) for place in equal}


def test_the_first_stays_and_is_named():
    """One of a group must stay, the same one every time, and each repeat names it."""
    texts = [text(1), text(2), text(1), replaced(text(1), 2), text(2)]
    assert repeats(texts, 0.8) == {2: 0, 3: 0, 4: 1}


def test_the_first_of_several_that_it_repeats_is_named():
    """Of two survivors that a text is like, the one of lower rank: a reader looks there first."""
    base = text(3, 300)
    left, right = replaced(base, 24, start=20), replaced(base, 24, start=250)
    _, shingles = shingles_of([left, right, base], 0.8)
    assert jaccard(shingles[0], shingles[1]) < 0.8 <= min(jaccard(shingles[0], shingles[2]), jaccard(*shingles[1:]))
    assert repeats([left, right, base], 0.8) == {2: 0}
    assert repeats([left, right, base], 0.8, ranks=[1, 0, 2]) == {2: 1}


def test_a_dropped_text_drops_nothing():
    """A like B, B like C, A unlike C: B goes for A, and C stays, for nothing that stays is like it."""
    base = text(4, 300)
    first, middle, last = base, replaced(base, 24, start=20), replaced(replaced(base, 24, start=20), 24, start=250)
    _, shingles = shingles_of([first, middle, last], 0.8)
    assert jaccard(shingles[0], shingles[2]) < 0.8 <= min(jaccard(*shingles[:2]), jaccard(*shingles[1:]))
    assert repeats([first, middle, last], 0.8) == {1: 0}


@pytest.mark.parametrize("similarity", [0.3, 0.5, 0.8, 0.95, 1.0])
def test_the_threshold_is_exact(similarity):
    """Whatever the signatures estimate, a pair is a repeat exactly when its similarity says so."""
    base = text(5, 400)
    for count in (0, 1, 5, 20, 60, 120, 200):
        other = replaced(base, count, start=50)
        true = jaccard(*shingles_of([base, other], 0.8)[1])
        assert bool(repeats([base, other], similarity)) == (true >= similarity), (count, true)


def test_order_of_the_texts_does_not_matter():
    """Ray gives rows in any order; ranks alone decide."""
    texts = [replaced(text(seed % 5), seed // 5, start=10 * seed) for seed in range(30)]
    ranks = list(range(30))
    expected = repeats(texts, 0.8, ranks=ranks)
    random.Random(0).shuffle(ranks)
    shuffled = repeats([texts[rank] for rank in ranks], 0.8, ranks=ranks)
    assert {ranks[a]: ranks[b] for a, b in shuffled.items()} == expected
    assert len(expected) >= 10


def test_groups_are_not_mixed():
    """The answer 4 to one question is no duplicate of the answer 4 to another."""
    assert repeats(["Answer: 4", "answer 4", "Answer: 4"], 0.8, groups=[1, 2, 1]) == {2: 0}
    assert repeats([text(6), replaced(text(6), 2)], 0.8, groups=[1, 2]) == {}


def test_case_and_punctuation_are_no_difference_but_operators_are():
    """Copies differ in spelling; answers may differ in a sign."""
    assert repeats(["Yes, it is.", "yes it is!"], 1.0) == {1: 0}
    assert repeats(["The answer is 4", "The answer is -4"], 0.8) == {}
    assert repeats(["def f(a, b): return a + b", "def f(a, b): return a - b"], 0.8) == {}


def test_texts_without_spaces_compare_by_character():
    """A Chinese text is one word to a reader of spaces: one changed character would make it new."""
    base = "".join(chr(0x4E00 + number) for number in random.Random(1).sample(range(2000), 300))
    assert repeats([base, base[:150] + "好" + base[151:]], 0.8) == {1: 0}


def test_short_and_long_answers_are_no_duplicates():
    """The paper wants both for one problem, even where the long one quotes the short one."""
    short = text(7, 60)
    assert not repeats([short, f"{text(8, 300)} {short}"], 0.8)


def test_a_hot_bucket_stays_linear():
    """Ten thousand texts of one template share a bucket; comparing all pairs would take 50 million."""
    pairs = candidates(np.zeros(10_000, dtype=np.uint64), np.arange(10_000))
    assert len(pairs) < 80_000
    assert set(pairs[:, 1].tolist()) == set(range(1, 10_000))
    assert (pairs[:, 0] < pairs[:, 1]).all()
    started = time.process_time()
    candidates(np.zeros(1_000_000, dtype=np.uint64), np.arange(1_000_000))
    assert time.process_time() - started < 30


def test_near_copies_within_a_template_are_found():
    """The limit on comparisons may not hide copies among many texts that are alike but no copies."""
    draw, template = random.Random(9), text(9, 300).split()
    crowd = []
    for number in range(400):
        words = list(template)
        for place in draw.sample(range(300), 15):
            words[place] = f"own{letters(number)}x{letters(place)}"
        crowd.append(" ".join(words))
    copies = [replaced(each, 2, start=number) for number, each in enumerate(crowd[:100])]
    _, shingles = shingles_of([*crowd[:2], copies[0]], 0.8)
    assert jaccard(shingles[0], shingles[1]) < 0.8 < 0.9 < jaccard(shingles[0], shingles[2])
    found = repeats([*crowd, *copies], 0.8)
    assert sum(found.get(400 + number) == number for number in range(100)) >= 99
    assert sum(place < 400 for place in found) == 0
