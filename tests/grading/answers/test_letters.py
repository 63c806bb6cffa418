"""Letters of choices: a table of texts and the letter each chooses, a case per line."""

import pytest

from z1ray.grading.answers.letters import letter, reference_letter
from z1ray.window import CODE_HINT, MATH_HINT

CASES = [
    ("Answer: C", "C"),
    ("Answer: c", "C"),
    ("ANSWER: C", "C"),
    ("Answer: (C)", "C"),
    ("Answer: C)", "C"),
    ("Answer: C) 3.2 eV", "C"),
    ("Answer: C. The rate doubles", "C"),
    ("Answer: **C**", "C"),
    ("**Answer:** C", "C"),
    ("**Answer: C**", "C"),
    ("**Answer**: C", "C"),
    ("Answer: $C$", "C"),
    (r"Answer: $\boxed{C}$", "C"),
    (r"Answer: \text{C}", "C"),
    ("Answer: [C]", "C"),
    ("Answer: `C`", "C"),
    ("Answer: Option C", "C"),
    ("Answer:\nC", "C"),
    ("Answer:\n\n**C**", "C"),
    ("Final Answer: C", "C"),
    ("The answer is C", "C"),
    ("The answer is C.", "C"),
    ("The answer is (C).", "C"),
    ("The answer is: C", "C"),
    ("The answer is **C**.", "C"),
    ("The answer is **(C)** 5 m", "C"),
    ("The answer is (C) because (A) is wrong", "C"),
    ("The answer is C because A is wrong.", "C"),
    ("The answer is C, since D violates parity.", "C"),
    ("The answer is C.\n\nI hope this helps!", "C"),
    ("The answer is option C", "C"),
    ("The correct answer is C", "C"),
    ("The correct answer is (C) 12 m/s.", "C"),
    ("The correct option is C.", "C"),
    ("The correct choice is (C).", "C"),
    ("The best answer is therefore C.", "C"),
    ("Therefore, the answer is most likely C.", "C"),
    ("Option C is correct.", "C"),
    ("Option (C) is the correct answer.", "C"),
    ("So I choose C.", "C"),
    ("I would go with C.", "C"),
    (r"\boxed{C}", "C"),
    (r"$\boxed{C}$", "C"),
    (r"\boxed{\text{C}}", "C"),
    (r"\boxed{(C)}", "C"),
    (r"\boxed{\textbf{(C)}}", "C"),
    (r"\boxed{\textbf{(C)}\ 12}", "C"),
    (r"\boxed{C) 12}", "C"),
    (r"\boxed{\text{C. } 12}", "C"),
    (r"\fbox{C}", "C"),
    (r"First \boxed{A}. No, it is \boxed{C}.", "C"),
    ("A is wrong, B is wrong.\nC", "C"),
    ("So it must be this one:\n(C)", "C"),
    ("...\n**C**", "C"),
    ("...\nC) 3.2 eV", "C"),
    ("The answer is A. Wait, I erred. The answer is C.", "C"),
    ("Answer: A, not B", "A"),
    ("The answer is A and not B.", "A"),
    ("答案：C", "C"),
    ("答案是C。", "C"),
    ("选C", "C"),
    ("Answer: （Ｃ）", "C"),
    (f"It could be (A).{CODE_HINT}C", "C"),
    (f"Answer: A{CODE_HINT}(C) 3.2 eV", "C"),
    (f"Answer: A{MATH_HINT}$\\boxed{{C}}$", "C"),
    (f"Answer: A{CODE_HINT}The answer is C.", "C"),
    # None given.
    ("", None),
    ("I am not sure.", None),
    ("Answer:", None),
    ("Answer: none of the above", None),
    ("Answer: 42", None),
    ("Answer: A or B", None),
    ("Answer: A and B", None),
    ("Answer: A/B", None),
    ("Answer: A, B", None),
    ("The answer is either A or B.", None),
    ("The answer is a matter of taste.", None),
    ("The answer is A bird in the hand.", None),
    ("The answer is not A", None),
    ("The answer is Cold fusion", None),
    (r"\boxed{42}", None),
    (r"\boxed{A, B}", None),
    ("Answer: Carbon", None),
    (f"Answer: A{CODE_HINT}", None),
    (f"Answer: A{CODE_HINT}I would need more time.", None),
]


@pytest.mark.parametrize(("text", "chosen"), CASES)
def test_letter(text, chosen):
    """No letter is told apart from a wrong one, and no letter is guessed out of a word."""
    assert letter(text) == chosen


@pytest.mark.parametrize(
    ("reference", "expected"), [("C", "C"), ("(C)", "C"), (r"\text{(C)}", "C"), ("C.", "C"), ("c", None), ("CO", None)]
)
def test_reference_letter(reference, expected):
    """A one-letter variable of mathematics is not taken for a choice."""
    assert reference_letter(reference) == expected
