"""Final answers in model texts."""

import pytest

from z1ray.grading.answers.boxes import last_boxes
from z1ray.grading.answers.extract import answer_region, final_answer
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
        (
            "Final Answer: The final answer is $42$. I hope it is correct.",
            "The final answer is $42$. I hope it is correct",
        ),
        ("The final answer is: $42$", "42"),
        ("So the answer should be 42", "42"),
        ("The answer to the question is 42.", "42"),
        ("Therefore the correct answer, then, is 42", "42"),
        ("The answers are 1 and 2.", "1 and 2"),
        ("### Final Answer\n42", "42"),
        ("## Answer\n\n$$\n42\n$$", "42"),
        ("#### 42", "42"),
        ("<answer>42</answer>", "42"),
        ("<answer>\n42\n</answer>", "42"),
        ("答案：42", "42"),
        ("所以答案是 42。", "42"),
        ("**Final answer**: 42", "42"),
        ("**Answer: 42**", "42"),
        ("**Answer:** 42", "42"),
        ("- **Answer:** 42", "42"),
        ("> Answer: 42", "42"),
        ("Answer: $$42$$", "42"),
        ("The answer is:\n\n$$\n42\n$$\n\nDone.", "42"),
        ("Answer: `42`", "42"),
        ("Result: 42", "42"),
        ("Answer: 42\n\nLet me know if this answer is helpful.", "42"),
        (r"\boxed{5}, no. Answer: 6", "5"),
        ("\\boxed{5}, no.\nAnswer: 6", "6"),
        ("Answer: 6, or better \\boxed{5}", "5"),
        (r"\fbox{42}", "42"),
        (r"\boxed {42}", "42"),
        (r"\boxed 7", "7"),
        (r"$\boxed{42}$.", "42"),
        (r"\boxed{\text{even}}", "even"),
        (r"\boxed{\boxed{42}}", "42"),
        (r"\boxed{\frac{\sqrt{2}}{\frac{1}{3}}}", r"\frac{\sqrt{2}}{\frac{1}{3}}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"$\boxed{1}$ and $\boxed{2}$", "1, 2"),
        (r"\boxed{1}, \boxed{2}", "1, 2"),
        (r"\boxed{42} and again \boxed{42}", "42"),
        (r"\boxed{1}. Then \boxed{2}", "2"),
        ("\\[\n\\boxed{\n42\n}\n\\]", "42"),
        ("We get x = 42\n\\]", "We get x = 42"),
        (f"\\boxed{{41}}{MATH_HINT}\\boxed{{42}}", "42"),
        (f"\\boxed{{41}}{MATH_HINT}42", "42"),
    ],
)
def test_final_answer(text, answer):
    """Reasoning around an answer must not count for or against it."""
    assert final_answer(text) == answer


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("Thinking.\nAnswer: 1 2\n3 4", "1 2\n3 4"),
        ("Thinking.\nAnswer:\n1 2\n3 4\n", "1 2\n3 4"),
        ("Thinking.\nAnswer:\n```\n1 2\n3 4\n```\n", "1 2\n3 4"),
        ("Thinking.\n**Answer:**\n1 2\n\n3 4", "1 2\n\n3 4"),
        (f"Answer: 1{CODE_HINT}1 2\n3 4", "1 2\n3 4"),
        ("1 2\n3 4", "1 2\n3 4"),
        ("", None),
    ],
)
def test_answer_region(text, region):
    """An answer of several lines stays whole."""
    assert answer_region(text) == region


def test_boxes_are_found_in_linear_time():
    """A run that repeats itself to its last token must not hold up the stage."""
    assert last_boxes("\\boxed{" * 20_000) is None
    assert final_answer("the answer is " * 20_000 + "42") == "42"
