"""Answers in words, integers and numbers: tables, a case per line."""

import pytest

from z1ray.grading.answers.integers import integer
from z1ray.grading.answers.quantity import same, value
from z1ray.grading.answers.words import same_text, truth


@pytest.mark.parametrize(
    ("reference", "answer", "right"),
    [
        ("Paris", "paris", True),
        ("Paris", "Paris.", True),
        ("Paris", '"Paris"', True),
        ("Paris", "**Paris**", True),
        ("Paris", r"\text{Paris}", True),
        ("Paris", "It is Paris", True),
        ("Paris", "Paris, because it is the capital", True),
        ("Paris", "Paris. It is the capital of France.", True),
        ("Paris", "(Paris)", True),
        ("the Nile", "Nile", True),
        ("St. Louis", "St. Louis", True),
        ("a  b", "a\nb", True),
        ("東京", "東京。", True),
        ("東京", "「東京」", True),
        ("Straße", "STRASSE", True),
        ("don't", "don\u2019t", True),
        ("Paris", "Paris, France", False),
        ("Paris", "Paris or London", False),
        ("Paris", "not Paris", False),
        ("Paris", "London", False),
        ("Paris", "", False),
        ("1, 2", "2", False),
        ("1, 2", "12", False),
        ("[1, 2)", "(1, 2]", False),
        ("-5", "5", False),
        ("C++", "C", False),
        ("東京", "京都", False),
    ],
)
def test_text(reference, answer, right):
    """Spelling differs, content must not."""
    assert same_text(reference, answer) is right


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("Yes", True),
        ("yes.", True),
        ("**Yes**", True),
        ("Yes, because 7 is prime.", True),
        ("True", True),
        (r"\text{Yes}", True),
        ("It is true", True),
        ("No", False),
        ("No, it is not.", False),
        ("false", False),
        ("是", True),
        ("不是", False),
        ("yes and no", None),
        ("yes or no", None),
        ("No one knows", None),
        ("No solution", None),
        ("It is not true", None),
        ("Yesterday", None),
        ("42", None),
        (None, None),
    ],
)
def test_truth(answer, said):
    """What is neither yes nor no is no answer, not a wrong one."""
    assert truth(answer) is said


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("42", 42),
        ("042", 42),
        ("007", 7),
        ("000", 0),
        ("42.0", 42),
        ("$42$", 42),
        ("42.", 42),
        ("m + n = 42", 42),
        ("$m+n = 35 + 7 = 42$", 42),
        ("42 ways", 42),
        ("The answer is 42", 42),
        ("42, since 6 times 7 is 42.", 42),
        (r"\boxed{42}", 42),
        (r"42^\circ", 42),
        ("999", 999),
        ("1000", None),
        ("1,042", None),
        ("-42", None),
        ("42.5", None),
        (r"\frac{84}{2}", None),
        ("6*7", None),
        ("6^2", None),
        ("2 or 3", None),
        ("between 5 and 10", None),
        ("x", None),
        ("", None),
    ],
)
def test_integer(answer, said):
    """AIME takes an integer from 000 to 999 and nothing that would have to be worked out."""
    assert integer(answer) == said


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1,234,567", 1234567),
        ("1,23", None),
        ("1,2,3", None),
        (".5", 0.5),
        ("-.5", -0.5),
        ("1e-3", 0.001),
        ("3/4", 0.75),
        (r"-\frac{3}{4}", -0.75),
        ("1/0", None),
        ("2024-05-01", None),
        ("12:30", None),
        ("1e999999999", None),
        ("10^{99999999}", None),
        ("5-3", None),
        ("", None),
        ("9" * 5000, None),
    ],
)
def test_value(text, size):
    """What has to be worked out is no number yet; a huge exponent costs nothing."""
    assert value(text) == pytest.approx(size, abs=1e-12) if size is not None else value(text) is None


@pytest.mark.parametrize(
    ("reference", "answer", "equal"),
    [
        ("0.333333", "1/3", True),
        ("1/3", "0.333333", True),
        ("1/3", "0.33333", False),
        ("50%", "0.5", True),
        ("50", "50%", True),
        ("0.5", "5%", False),
        ("x", "5", None),
    ],
)
def test_same(reference, answer, equal):
    """Six significant digits are a rounded number; fewer are another number."""
    assert same(reference, answer) is equal
