"""Final answers in model texts."""

import pytest

from z1ray.grading.answers import final_answer, is_number, last_number
from z1ray.window import CODE_HINT, MATH_HINT


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("So we get\n42", "42"),
        ("Answer: 42", "42"),
        ("The answer is 42.", "42"),
        ("The answer is 41. No, wait.\nThe final answer is **42**.", "42"),
        ("**Answer:** `a b c`", "a b c"),
        ("Answer:\n\n1 2\n3 4\n\nI hope this helps.", "1 2\n3 4"),
        ("Answer:\n```\n1 2\n3 4\n```", "1 2\n3 4"),
        (r"so \boxed{1} or rather \boxed{\frac{1}{2}} it is", r"\frac{1}{2}"),
        (r"so \boxed{7} and \boxed{8", "7"),
        ("$x = 3$", "x = 3"),
        (f"The answer is 41{CODE_HINT}42\n\nBecause six by seven.", "42"),
        (f"Answer: 41{MATH_HINT}$\\boxed{{42}}$", "42"),
        (f"Answer: 41{CODE_HINT}", None),
        ("", None),
        ("\n \n", None),
    ],
)
def test_final_answer(text, answer):
    """Reasoning around an answer must not count for or against it."""
    assert final_answer(text) == answer


@pytest.mark.parametrize(
    ("answer", "number"),
    [
        ("x = 3 + 4 = 7", "7"),
        ("1,234,567 apples", "1234567"),
        ("-5", "-5"),
        ("about 3.50 euros.", "3.50"),
        ("1/3", "1/3"),
        ("none", None),
        ("1,2,3", "3"),
    ],
)
def test_last_number(answer, number):
    """'7 apples' and '7' are the same answer to a question for a number."""
    assert last_number(answer) == number


def test_a_list_is_no_number():
    """A list of numbers as reference must be compared whole, not by its last one."""
    assert [is_number(text) for text in ("7", "-0.5", "1/3", "1,2,3", "1 2", "2024-05-01", "x")] == [
        *[True] * 3,
        *[False] * 4,
    ]
