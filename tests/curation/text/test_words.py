"""Texts in one spelling, as words."""

import numpy as np
import pytest

from z1ray.curation.text.words import Words

# (text, its words); a case of one's own goes here.
SHAPES = [
    ("Hello, World!", ["hello", "world"]),
    ("STRASSE straße", ["strasse", "strasse"]),
    ("ＡＢＣ １２", ["abc", "12"]),  # noqa: RUF001
    ("a + b - c", ["a", "+", "b", "-", "c"]),
    ("x = -4", ["x", "=", "-", "4"]),
    ("well-known", ["well", "known"]),
    ("- an item\n* another", ["an", "item", "another"]),
    ("**bold** and 2*x", ["bold", "and", "2", "*", "x"]),
    ("你好,世界", ["你", "好", "世", "界"]),
    ("カタカナ한글", [*"カタカナ", *"한글"]),
    (r"\frac{1}{2} + x^{2}", ["1", "/", "2", "+", "x", "^", "2"]),
    (r"\dfrac12 \cdot \left(3\right)", ["1", "/", "2", "*", "3"]),
    ("½ + x²", ["1", "/", "2", "+", "x", "^", "2"]),
    (r"3 \le x", ["3", "<", "=", "x"]),
    ("3 ≤ x", ["3", "<", "=", "x"]),
    (r"\text{area} = \sqrt{2}", ["area", "=", "sqrt", "2"]),
    ("2x + sha256", ["2", "x", "+", "sha", "256"]),
    ("snake_case", ["snake", "case"]),
    ("\ud800 lone", ["lone"]),
    ("?! ...", []),
    ("", []),
]


def words_of(text):
    words = Words([text])
    return [words.text(place, place + 1) for place in range(len(words.hashes))]


@pytest.mark.parametrize(("text", "expected"), SHAPES)
def test_shapes(text, expected):
    """Case, width, punctuation and LaTeX are spelling; operators, signs and CJK characters are words."""
    assert words_of(text) == expected


def test_equal_words_hash_equally_wherever_they_stand():
    """Texts are hashed many at a time; a neighbour must not change a word."""
    together, alone = Words(["one two", "", "two three one"]), Words(["two three one"])
    assert np.array_equal(together.hashes[together.offsets[2] :], alone.hashes)
    assert together.counts.tolist() == [2, 0, 3]
    assert together.hashes[0] == together.hashes[4]
    assert len(set(together.hashes.tolist())) == 3


def test_runs_depend_on_order_and_stay_within_their_text():
    """A run over the border of two texts would find text that nobody wrote."""
    words = Words(["a b c", "c b a"])
    assert words.starts(2).tolist() == [0, 1, 3, 4]
    assert words.starts(4).tolist() == []
    runs = words.runs(3)
    assert runs[0] != runs[3]
    assert runs[0] == Words(["x a b c"]).runs(3)[1]


def test_boilerplate_is_left_out():
    """What z1ray adds to every question says nothing about it."""
    assert np.array_equal(Words(["Add. Use Python."], ["Use Python."]).hashes, Words(["add"]).hashes)
