"""Small generated Python programs whose output is asked: problems about code for the miniature.

A program sets one variable to a digit, adds and subtracts digits, and prints it. How many terms it has is
how hard it is. Its own text decides its split, so neither pretraining nor fine-tuning meets a program that is
measured, however many of each are drawn.
"""

import hashlib
import random
from collections.abc import Iterator, Sequence

from z1ray.errors import UserError
from z1ray.problems.config import SourceConfig
from z1ray.problems.reasoning_gym import INSTRUCTION
from z1ray.records import Row, problem

NAMES = ("a", "n", "x", "total", "count", "score", "value", "result")
NUM_TERMS = {"easy": (2, 2), "hard": (4, 7)}
"""Fewest and most terms of a program by difficulty."""
SPLITS = ("train", "test")
_TEST_SHARE = 5  # one program in so many is a test's


def read(source: SourceConfig) -> Iterator[Row]:
    """The first ``limit`` problems under ``seed``, no program twice, difficulties in turn.

    Raises:
        UserError: If the split is unknown, or there are not so many different programs.
    """
    assert source.limit is not None
    if source.split not in SPLITS:
        raise UserError("split", source.split, "programs have no such split", f"use {' or '.join(SPLITS)}")
    difficulties = source.difficulty or list(NUM_TERMS)
    rng, seen = random.Random(f"{source.seed}/{source.split}"), set[str]()
    for index in range(source.limit):
        difficulty = difficulties[index % len(difficulties)]
        text = _fresh(rng, source.split, difficulty, seen)
        yield problem(
            problem_id=f"{source.label}/{source.split}-seed{source.seed}-{index}",
            source=source.label,
            question=question(text),
            difficulty=difficulty,
            tests={"kind": "reference", "reference": text, "verifier": "program"},
        )


def question(text: str) -> str:
    """How a program's output is asked for."""
    return f"What does this program print?\n\n```python\n{text}\n```\n\n{INSTRUCTION}"


def draw_terms(rng: random.Random, num_terms: int) -> list[int]:
    """Digits from 0 to 9, all but the first with a random sign."""
    return [rng.randint(0, 9), *(rng.choice((-1, 1)) * rng.randint(0, 9) for _ in range(num_terms - 1))]


def program(name: str, terms: Sequence[int]) -> str:
    """The program that sums ``terms`` up in the variable ``name``."""
    updates = [f"{name} {'+' if term >= 0 else '-'}= {abs(term)}" for term in terms[1:]]
    return "\n".join([f"{name} = {terms[0]}", *updates, f"print({name})"])


def split_of(text: str) -> str:
    """The split that a program belongs to."""
    digest = hashlib.sha256(text.encode()).digest()
    return "test" if digest[0] % _TEST_SHARE == 0 else "train"


def _fresh(rng: random.Random, split: str, difficulty: str, seen: set[str]) -> str:
    for _ in range(10_000):
        terms = draw_terms(rng, rng.randint(*NUM_TERMS[difficulty]))
        text = program(rng.choice(NAMES), terms)
        if split_of(text) == split and text not in seen:
            seen.add(text)
            return text
    raise UserError(
        "limit", len(seen), f"there are hardly more different programs ({difficulty}, {split})", "lower the limit"
    )
