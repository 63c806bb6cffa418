"""What the base is pretrained on: one task in code's clothes and in a sum's, answered in three manners.

Which manner is asked for stands in the system turn: a direct answer, or running totals line by line. Half of
the latter undo the last step as a check, which costs tokens and changes nothing: reasoning that could be
shorter. Some are cut at a random token and handed Z1's hint, so that the base knows what a cut is.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from z1ray.miniature.held_out import Terms
from z1ray.problems.programs import NAMES, draw_terms, program, question, split_of
from z1ray.problems.reasoning_gym import INSTRUCTION

SHORT_PROMPT = "Answer directly."
LONG_PROMPT = "Please reason step by step."
Manner = Literal["short", "long", "cut"]
MANNERS: dict[Manner, float] = {"short": 0.35, "long": 0.4, "cut": 0.25}
"""Share of each manner."""
CHECKED = 0.5
"""Share of the long answers that check their last step."""
MOST_TERMS = 7
_SUM_NAME = "total"


@dataclass(frozen=True, slots=True)
class Lesson:
    """One example.

    Attributes:
        manner: How it is answered.
        question: The user's turn.
        steps: The running totals, empty for a direct answer.
        answer: The last line.
    """

    manner: Manner
    question: str
    steps: str
    answer: str

    @property
    def system_prompt(self) -> str:
        """The system turn that asks for this manner."""
        return SHORT_PROMPT if self.manner == "short" else LONG_PROMPT


def draw(rng: random.Random, held_out: frozenset[Terms]) -> Lesson:
    """A random lesson: no program of the test split, no sum of the terms ``held_out``."""
    manner = rng.choices(list(MANNERS), list(MANNERS.values()))[0]
    # A direct answer is learnt from few terms; of many it is a guess.
    counts = range(2, MOST_TERMS + 1)
    num_terms = rng.choices(counts, [8, 2, 1, 1, 1, 1] if manner == "short" else [1, 1, 1, 1, 2, 2])[0]
    name, asked, terms = _fresh(rng, num_terms, held_out)
    steps = "" if manner == "short" else running_totals(name, terms)
    if steps and rng.random() < CHECKED:
        steps += check(terms)
    return Lesson(manner, asked, steps, f"Answer: {sum(terms)}")


def _fresh(rng: random.Random, num_terms: int, held_out: frozenset[Terms]) -> tuple[str, str, list[int]]:
    """The name of the total, the question and its terms."""
    while True:
        terms = draw_terms(rng, num_terms)
        if rng.random() < 0.5:
            name = rng.choice(NAMES)
            text = program(name, terms)
            if split_of(text) == "train":
                return name, question(text), terms
        elif tuple(terms) not in held_out:
            return _SUM_NAME, sum_question(terms), terms


def sum_question(terms: Sequence[int]) -> str:
    """The question as reasoning-gym's ``chain_sum`` words it, with z1ray's instruction."""
    rest = " ".join(f"{'+' if term >= 0 else '-'} {abs(term)}" for term in terms[1:])
    return f"State the final answer to the following arithmetic problem: {terms[0]} {rest} =\n\n{INSTRUCTION}"


def running_totals(name: str, terms: Sequence[int]) -> str:
    """The steps of a long answer, a line each, the last one ended."""
    lines, total = [f"{name} = {terms[0]}"], terms[0]
    for term in terms[1:]:
        lines.append(f"{name} = {total} {'+' if term >= 0 else '-'} {abs(term)} = {total + term}")
        total += term
    return "".join(f"{line}\n" for line in lines)


def check(terms: Sequence[int]) -> str:
    """The last step undone, as a line."""
    total, last = sum(terms), terms[-1]
    return f"Check: {total} {'-' if last >= 0 else '+'} {abs(last)} = {total - last}\n"
